// Counting frames against their allowances (SECURITY.md section 2, row by row).
#include "protocol/h2/flood_guard.h"

#include <algorithm>

namespace sluice::h2 {
namespace {

using std::chrono::nanoseconds;

// RFC 9113 section 6, RFC 9218 section 7.1.
constexpr uint8_t kData = 0x0;
constexpr uint8_t kHeaders = 0x1;
constexpr uint8_t kPriority = 0x2;
constexpr uint8_t kRstStream = 0x3;
constexpr uint8_t kSettings = 0x4;
constexpr uint8_t kPing = 0x6;
constexpr uint8_t kWindowUpdate = 0x8;
constexpr uint8_t kContinuation = 0x9;
constexpr uint8_t kPriorityUpdate = 0x10;

constexpr uint8_t kAck = 0x1;
constexpr uint8_t kEndStream = 0x1;

constexpr uint64_t kOne = 1'000'000'000;
constexpr auto kUnknownPeriod = std::chrono::seconds(10);

}  // namespace

bool Spent::spend(const Allowance& allowance, Time now, uint32_t count) noexcept {
  regrow(allowance.per_second, now);
  const uint64_t all = allowance.burst * kOne;
  spent_ += count * kOne;
  if (spent_ <= all) return true;
  spent_ = all;
  return false;
}

void Spent::give_back(uint64_t count) noexcept {
  spent_ -= std::min(spent_, std::min<uint64_t>(count, kOne) * kOne);
}

void Spent::regrow(uint32_t per_second, Time now) noexcept {
  if (now <= at_) return;
  const auto passed = static_cast<uint64_t>(nanoseconds(now - at_).count());
  at_ = now;
  if (per_second == 0) return;
  // Compared by division: years times a large rate would not fit.
  const bool all = passed > spent_ / per_second;
  spent_ = all ? 0 : spent_ - passed * per_second;
}

bool FloodGuard::frame(const SeenFrame& frame, StreamCounts* stream, Time now) noexcept {
  if (flooded()) return true;
  const bool acknowledges = (frame.flags & kAck) != 0;
  switch (frame.type) {
    case kData:
    case kHeaders:
    case kContinuation:
      return content(frame, stream, now);
    case kPriority:
    case kPriorityUpdate:
      return priority();
    case kRstStream:
      return reset(stream, now);
    case kSettings:
      return settings(acknowledges, now);
    case kPing:
      return ping(acknowledges, now);
    case kWindowUpdate:
      return window_update();
    default:
      return unknown(now);
  }
}

bool FloodGuard::reset_by_us(const StreamCounts* stream, Time now) noexcept {
  return flooded() || reset(stream, now);
}

bool FloodGuard::reset_closed_upstream(Time now) noexcept {
  if (flooded()) return true;
  // One of them was counted when the RST_STREAM came.
  const uint32_t more = std::max(limits_.reset_of_upstream, 1U) - 1;
  if (resets_.spend(limits_.resets, now, more)) return false;
  return violate("resets of streams that closed connections to upstreams",
                 "http2_reset_of_upstream");
}

void FloodGuard::stream_begun(StreamCounts& stream) noexcept {
  stream.number = ++streams_;
  reset_early_.reset(stream.number % kLastStreams);
}

void FloodGuard::answered(StreamCounts& stream, int status) noexcept {
  stream.answered = true;
  stream.established = status >= 200 && status <= 299;
}

void FloodGuard::data_sent(uint64_t octets) noexcept {
  ++data_frames_sent_;
  octets_sent_ += octets;
  const uint64_t each = std::max(limits_.ping_regained, 1U);
  if (octets_sent_ < each) return;
  pings_.give_back(octets_sent_ / each);
  octets_sent_ %= each;
}

bool FloodGuard::violate(std::string_view cause, std::string_view limit) noexcept {
  violation_ = {.cause = cause, .limit = limit};
  return true;
}

bool FloodGuard::reset(const StreamCounts* stream, Time now) noexcept {
  const bool among_last =
      stream != nullptr && stream->number != 0 && stream->number + kLastStreams > streams_;
  if (among_last && !stream->answered) reset_early_.set(stream->number % kLastStreams);
  // Both are spent in any case: what was left of the slower one tells once it is suspicious.
  const Allowance slower{limits_.resets.burst, limits_.resets_suspicious};
  const bool within = resets_suspicious_.spend(slower, now);
  if (!resets_.spend(limits_.resets, now))
    return violate("too many streams were reset", "http2_resets");
  if (within || !suspicious()) return false;
  return violate("too many streams were reset, most before their response began",
                 "http2_resets_suspicious");
}

bool FloodGuard::content(const SeenFrame& frame, StreamCounts* stream, Time now) noexcept {
  // The last frame of a message costs its peer the whole message, and may well carry nothing.
  const bool ends = frame.type != kContinuation && (frame.flags & kEndStream) != 0;
  if (frame.content == 0 && !ends) return empty();
  empty_in_a_row_ = 0;
  const bool small = frame.type == kData && !ends && frame.content < limits_.small_data_size;
  return small && small_data(stream, now);
}

bool FloodGuard::empty() noexcept {
  if (++empty_in_a_row_ > limits_.empty_in_a_row)
    return violate("too many empty frames in a row", "http2_empty_in_a_row");
  if (++empty_ > limits_.empty_frames)
    return violate("too many empty frames", "http2_empty_frames");
  return false;
}

bool FloodGuard::small_data(StreamCounts* stream, Time now) noexcept {
  if (stream != nullptr && stream->established) {
    return !stream->small_data.spend(limits_.small_data_of_stream, now) &&
           violate("too many small DATA frames on one stream", "http2_small_data_stream");
  }
  return !small_data_.spend(limits_.small_data, now) &&
         violate("too many small DATA frames", "http2_small_data");
}

bool FloodGuard::ping(bool acknowledges, Time now) noexcept {
  // We ask so rarely that answers beyond the allowance are to nothing of ours.
  if (acknowledges) return unknown(now);
  return !pings_.spend(limits_.pings, now) && violate("too many PING frames", "http2_pings");
}

bool FloodGuard::settings(bool acknowledges, Time now) noexcept {
  // One that acknowledges nothing is a connection error already.
  if (acknowledges) return false;
  return !settings_.spend(limits_.settings, now) &&
         violate("too many SETTINGS frames", "http2_settings");
}

bool FloodGuard::priority() noexcept {
  return ++priorities_ > limits_.priorities + streams_ &&
         violate("too many frames about priorities", "http2_priorities");
}

bool FloodGuard::window_update() noexcept {
  const uint64_t useful = 2 * (streams_ + 10 * data_frames_sent_);
  return ++window_updates_ > limits_.window_updates + useful &&
         violate("too many WINDOW_UPDATE frames", "http2_window_updates");
}

bool FloodGuard::unknown(Time now) noexcept {
  if (now - unknown_since_ >= kUnknownPeriod) {
    unknown_since_ = now;
    unknown_ = 0;
  }
  return ++unknown_ > limits_.unknown_frames &&
         violate("too many frames that ask for nothing", "http2_unknown_frames");
}

}  // namespace sluice::h2
