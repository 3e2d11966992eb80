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

// Announced a little shorter than kept, so that a client does not send into a connection that is
// about to close.
std::string keep_alive_line(std::chrono::milliseconds idle_timeout) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(idle_timeout).count();
  if (seconds < 10) return {};
  return "Keep-Alive: timeout=" + std::to_string(seconds - 5) + "\r\n";
}

}  // namespace

ListenerSettings::ListenerSettings(uint32_t index, conf::LimitSet limits,
                                   std::vector<conf::AddressBlock> trusted,
                                   std::shared_ptr<const tls::ListenerContext> tls)
    : index_(index),
      limits_(std::move(limits)),
      trusted_(std::move(trusted)),
      tls_(std::move(tls)),
      h1_limits_(codec_limits(limits_.values)),
      persist_lines_(keep_alive_line(limits_.values.idle_timeout)) {}

}  // namespace sluice::http
