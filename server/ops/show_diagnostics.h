// What is wrong with a configuration, told to whoever runs the server.
#pragma once

#include "conf/diagnostic.h"

namespace sluice::ops {

// On standard error, with colours where that is a terminal and NO_COLOR is not set.
void show_diagnostics(const conf::Diagnostics& diagnostics);

}  // namespace sluice::ops
