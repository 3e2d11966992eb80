// The limits that have a narrower place than the process.
#include "conf/limit_scopes.h"

#include <algorithm>
#include <array>

namespace sluice::conf {

namespace {

constexpr std::array<std::string_view, 14> kOfListeners = {"request_line",
                                                           "field",
                                                           "head",
                                                           "fields",
                                                           "trailer_fields",
                                                           "trailers",
                                                           "chunk_line",
                                                           "chunk_extensions",
                                                           "linger",
                                                           "linger_timeout",
                                                           "handshake_timeout",
                                                           "head_timeout",
                                                           "idle_timeout",
                                                           "connection_life"};
constexpr std::array<std::string_view, 9> kOfSites = {
    "body",         "drain",     "drain_timeout", "body_timeout", "body_rate",
    "send_timeout", "send_rate", "exchange_body", "rewrites"};

}  // namespace

LimitScope scope_of_limit(std::string_view name) noexcept {
  const auto has = [name](const auto& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (has(kOfListeners)) return LimitScope::listener;
  return has(kOfSites) ? LimitScope::site : LimitScope::process;
}

}  // namespace sluice::conf
