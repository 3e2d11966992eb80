// `sluice --version`.
#pragma once

#include <string>

#include "server/ops/version.h"

namespace sluice {

inline std::string version_text() { return "sluice " + std::string(ops::version()); }

}  // namespace sluice
