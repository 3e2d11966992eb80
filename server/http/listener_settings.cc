// Turning limits into what codec and responses need.
#include "server/http/listener_settings.h"

#include <chrono>
#include <limits>

namespace sluice::http {
namespace {

h1::Limits codec_limits(const conf::Limits& limits) {
  return {.start_line = limits.request_line,
          .field_line = limits.field,
          .head = limits.head,
          .fields = limits.fields,
          .trailer_fields = limits.trailer_fields,
          .trailers = limits.trailers,
          .chunk_line = limits.chunk_line,
          .chunk_extensions = limits.chunk_extensions,
          // Routes bound what they read (Route::body_limit); the codec only keeps numbers sane.
          .content_length = std::numeric_limits<int64_t>::max()};
}

// The table of limits keeps each in the range of its type here (conf/limits.cc).
uint32_t small(uint64_t limit) { return static_cast<uint32_t>(limit); }

h2::FloodLimits flood_limits(const conf::Limits& limits) {
  return {.resets = {small(limits.http2_resets), small(limits.http2_reset_rate)},
          .resets_suspicious = small(limits.http2_resets_suspicious),
          .reset_of_upstream = small(limits.http2_reset_of_upstream),
          .pings = {small(limits.http2_pings), small(limits.http2_ping_rate)},
          .ping_regained = small(limits.http2_ping_regained),
          .settings = {small(limits.http2_settings), small(limits.http2_settings_rate)},
          .empty_in_a_row = small(limits.http2_empty_in_a_row),
          .empty_frames = small(limits.http2_empty_frames),
          .small_data_size = small(limits.http2_small_data_size),
          .small_data = {small(limits.http2_small_data), small(limits.http2_small_data_rate)},
          .small_data_of_stream = {small(limits.http2_small_data_stream),
                                   small(limits.http2_small_data_stream)},
          .priorities = small(limits.http2_priorities),
          .window_updates = small(limits.http2_window_updates),
          .unknown_frames = small(limits.http2_unknown_frames),
          .outstanding = limits.http2_outstanding};
}

// Announced a little shorter than kept, so that a client does not send into a connection that is
// about to close.
std::string keep_alive_line(std::chrono::milliseconds idle_timeout) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(idle_timeout).count();
  if (seconds < 10) return {};
  return "Keep-Alive: timeout=" + std::to_string(seconds - 5) + "\r\n";
}

}  // namespace

h2::Limits h2_limits(const conf::Limits& limits) noexcept {
  return {.streams = small(limits.http2_streams),
          .head = small(limits.head),
          .target = limits.request_line,
          .field = limits.field,
          .fields = limits.fields,
          .trailer_fields = limits.trailer_fields,
          .trailers = limits.trailers,
          .fields_fatal = limits.http2_fields_fatal,
          .head_block = limits.http2_head_block,
          .continuations = limits.http2_continuations,
          // As for HTTP/1: routes bound what they read.
          .content_length = std::numeric_limits<int64_t>::max(),
          .stream_window = small(limits.http2_stream_window),
          .stream_window_most = small(limits.http2_stream_window_most),
          .connection_window = small(limits.http2_connection_window),
          .floods = flood_limits(limits)};
}

ListenerSettings::ListenerSettings(uint32_t index, conf::LimitSet limits,
                                   std::vector<conf::AddressBlock> trusted,
                                   std::shared_ptr<const tls::ListenerContext> tls, bool http2,
                                   bool proxy_protocol, uint16_t port)
    : index_(index),
      limits_(std::move(limits)),
      trusted_(std::move(trusted)),
      tls_(std::move(tls)),
      http2_(http2),
      proxy_protocol_(proxy_protocol),
      port_(port),
      h1_limits_(codec_limits(limits_.values)),
      h2_limits_(http::h2_limits(limits_.values)),
      persist_lines_(keep_alive_line(limits_.values.idle_timeout)) {}

}  // namespace sluice::http
