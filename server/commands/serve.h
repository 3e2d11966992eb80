// `sluice serve`: one folder, no configuration.
#pragma once

#include <string>

#include "server/commands/without_file.h"

namespace sluice {

struct ServeOptions {
  std::string directory = ".";
  bool follow_symlinks = false;
  WithoutFile common;
};

// As serve_without_file().
int serve(const ServeOptions& options);

}  // namespace sluice
