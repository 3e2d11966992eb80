// The keys that are limits, which are not written here: conf/limits.h has each with its range and
// its reason, and conf/limit_scopes.h says in which of these places it may be set.
#pragma once

#include "conf/keys.h"

namespace sluice::conf {

const Table& process_limits() noexcept;   // [limits]: all of them
const Table& listener_limits() noexcept;  // limits of a [[listener]]
const Table& site_limits() noexcept;      // limits of a [[site]]

}  // namespace sluice::conf
