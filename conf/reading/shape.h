// Whether a tree has the shape that conf/keys.h allows: known keys, right kinds, choices, ranges.
//
// What is wrong is reported and marked bad, so that whoever reads the tree afterwards (by
// Node::find) sees values of the right kind only, and says nothing twice.
#pragma once

#include "conf/document.h"
#include "conf/keys.h"
#include "conf/reading/report.h"

namespace sluice::conf {

// Requires: variables are resolved. Strings with variables that stand for integers and booleans
// become these.
void check_shape(Node& table, const Table& shape, Report& report);

}  // namespace sluice::conf
