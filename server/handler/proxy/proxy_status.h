// What Proxy-Status says of a failure (RFC 9209).
#pragma once

#include <string_view>

namespace sluice::handler::proxy {

// "sluice; error=connection_refused" for a type of RFC 9209 section 2.3. Static.
std::string_view proxy_status_value(std::string_view error) noexcept;

}  // namespace sluice::handler::proxy
