// The one file that is compiled again when the version changes.
#include "server/ops/version.h"

namespace sluice::ops {

std::string_view version() noexcept { return SLUICE_VERSION; }

}  // namespace sluice::ops
