// The limits that have a narrower place than the process.
#include "conf/limit_scopes.h"

#include <algorithm>
#include <array>

namespace sluice::conf {

namespace {

constexpr std::array<std::string_view, 47> kOfListeners = {"request_line",
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
                                                           "connection_life",
                                                           "http2_streams",
                                                           "http2_fields_fatal",
                                                           "http2_head_block",
                                                           "http2_continuations",
                                                           "http2_stream_window",
                                                           "http2_stream_window_most",
                                                           "http2_connection_window",
                                                           "http2_resets",
                                                           "http2_reset_rate",
                                                           "http2_resets_suspicious",
                                                           "http2_reset_of_upstream",
                                                           "http2_pings",
                                                           "http2_ping_rate",
                                                           "http2_ping_regained",
                                                           "http2_settings",
                                                           "http2_settings_rate",
                                                           "http2_empty_in_a_row",
                                                           "http2_empty_frames",
                                                           "http2_small_data_size",
                                                           "http2_small_data",
                                                           "http2_small_data_rate",
                                                           "http2_small_data_stream",
                                                           "http2_priorities",
                                                           "http2_window_updates",
                                                           "http2_unknown_frames",
                                                           "http2_outstanding",
                                                           "http2_window_timeout",
                                                           "http2_window_stalls",
                                                           "http2_window_close",
                                                           "http2_unsent",
                                                           "http2_unsent_frames",
                                                           "http2_frame_ahead",
                                                           "proxy_protocol_timeout"};
constexpr std::array<std::string_view, 18> kOfSites = {"body",
                                                       "drain",
                                                       "drain_timeout",
                                                       "body_timeout",
                                                       "body_rate",
                                                       "send_timeout",
                                                       "send_rate",
                                                       "exchange_body",
                                                       "rewrites",
                                                       "upstream_response_timeout",
                                                       "upstream_read_timeout",
                                                       "upstream_send_timeout",
                                                       "upstream_total_timeout",
                                                       "upstream_continue_timeout",
                                                       "upstream_interims",
                                                       "upstream_read_ahead",
                                                       "upstream_kept_body",
                                                       "upstream_retries"};

}  // namespace

LimitScope scope_of_limit(std::string_view name) noexcept {
  const auto has = [name](const auto& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (has(kOfListeners)) return LimitScope::listener;
  return has(kOfSites) ? LimitScope::site : LimitScope::process;
}

}  // namespace sluice::conf
