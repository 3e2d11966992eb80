// ${NAME} and ${NAME:-default} in strings.
#pragma once

#include "conf/document.h"
#include "conf/reader.h"
#include "conf/reading/report.h"

namespace sluice::conf {

// Replaces the variables in every string below `node`; what cannot be replaced is reported and
// bad. As in a shell, the default also holds for a variable that is set but empty; it ends at the
// first '}'. "$${" is "${" as it stands.
void resolve_variables(Node& node, const Environment& environment, Report& report);

}  // namespace sluice::conf
