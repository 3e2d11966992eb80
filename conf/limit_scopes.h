// Where each limit may be set: for the whole process, for a listener or for a site.
//
// All of them may stand in the file's [limits], which holds everywhere. Besides, each has at most
// one narrower place: what concerns a connection or a request's head is known per listener (the
// site is not known yet), what concerns an exchange per site. So no two places ever disagree.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::conf {

enum class LimitScope : uint8_t { process, listener, site };

LimitScope scope_of_limit(std::string_view name) noexcept;

}  // namespace sluice::conf
