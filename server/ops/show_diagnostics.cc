// One after the other.
#include "server/ops/show_diagnostics.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace sluice::ops {

void show_diagnostics(const conf::Diagnostics& diagnostics) {
  const bool colours = ::isatty(STDERR_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
  for (const conf::Diagnostic& one : diagnostics)
    std::fprintf(stderr, "%s\n", conf::render(one, colours).c_str());
}

}  // namespace sluice::ops
