// What a peer's frames cost it: HTTP/2 lets a few octets ask for much work, again and again, and a
// client that reads all answers is never stopped by back-pressure (RFC 9113 section 10.5).
//
// Each kind of frame that asks for more than it brings has an allowance, which regrows with time or
// with octets that were of use. Honest clients never spend one: a browser that cancels map tiles, a
// chat of 20-octet messages, a gRPC client that probes with PING. Who does is a flood.
//
// Only counts, in integers. Time enters as a parameter; one that goes backwards regrows nothing.
#pragma once

#include <bitset>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::h2 {

using Time = std::chrono::steady_clock::time_point;

// So many at once, and so many more each second. At most 10^9 each.
struct Allowance {
  uint32_t burst;
  uint32_t per_second;
};

struct FloodLimits {
  Allowance resets;  // of streams: by the peer, or by us for the peer's errors
  // What regrows a second in place of resets.per_second while half of the last 200 streams were
  // reset before the first octet of their response.
  uint32_t resets_suspicious;
  // What one reset that makes us close a connection to an upstream counts.
  uint32_t reset_of_upstream;
  Allowance pings;
  uint32_t ping_regained;  // octets of DATA sent that give one PING back
  Allowance settings;
  uint32_t empty_in_a_row;         // DATA and HEADERS without content and END_STREAM
  uint32_t empty_frames;           // a connection
  uint32_t small_data_size;        // DATA of fewer octets is small
  Allowance small_data;            // a connection
  Allowance small_data_of_stream;  // in place of the connection's, on an established stream
  uint32_t priorities;             // PRIORITY and PRIORITY_UPDATE, and one more a stream
  uint32_t window_updates;         // and two a stream, and twenty a DATA frame sent
  uint32_t unknown_frames;         // in ten seconds
  size_t outstanding;              // acknowledgements that wait to be sent; nghttp2 counts them
};

// How much of an allowance is spent (a token bucket). All zero is an allowance nobody has touched,
// so that it is known only where it is counted.
class Spent {
 public:
  // Spends `count`. False when that is more than is left; it then stays spent to the last.
  [[nodiscard]] bool spend(const Allowance& allowance, Time now, uint32_t count = 1) noexcept;
  void give_back(uint64_t count) noexcept;

 private:
  void regrow(uint32_t per_second, Time now) noexcept;

  uint64_t spent_ = 0;  // in billionths: what a nanosecond regrows at one a second
  Time at_{};
};

// What the guard knows of one stream; the codec keeps it with the stream.
struct StreamCounts {
  Spent small_data;
  uint64_t number = 0;       // which of the connection's streams; 0: not begun
  bool answered = false;     // the first octet of its response was framed
  bool established = false;  // and that was a 2xx: a tunnel, a chat, a gRPC call
};

// A frame that the peer sent.
struct SeenFrame {
  uint8_t type;  // RFC 9113 section 6, RFC 9218 section 7.1
  uint8_t flags;
  // DATA: octets of content, HEADERS and CONTINUATION: of the field block. Padding and priority are
  // not part of it. Other types: not used.
  uint32_t content = 0;
};

// What made a flood of it. Both are static text.
struct Violation {
  std::string_view cause;
  std::string_view limit;  // as conf/limits.h names it
};

// Counts for one connection, in either role. Thread: any one. `limits` outlives it.
//
// What returns bool says whether it is a flood by now: once true, true for good, and violation()
// says why. The connection then ends with ENHANCE_YOUR_CALM.
class FloodGuard {
 public:
  explicit FloodGuard(const FloodLimits& limits) noexcept : limits_(limits) {}

  // Every frame of the peer's, once; RST_STREAM too. `stream`: null for frames of the connection
  // and of streams that are over or never were.
  [[nodiscard]] bool frame(const SeenFrame& frame, StreamCounts* stream, Time now) noexcept;
  // We reset a stream for an error of the peer's (a malformed message, too much content).
  [[nodiscard]] bool reset_by_us(const StreamCounts* stream, Time now) noexcept;
  // A reset of the peer's that frame() has counted made us close a connection to an upstream.
  [[nodiscard]] bool reset_closed_upstream(Time now) noexcept;

  // The peer opened a stream, or we did; before its frames are counted.
  void stream_begun(StreamCounts& stream) noexcept;
  // The head of a final response was framed for a stream.
  void answered(StreamCounts& stream, int status) noexcept;
  // One DATA frame of ours was sent.
  void data_sent(uint64_t octets) noexcept;

  bool flooded() const noexcept { return !violation_.limit.empty(); }
  // Empty texts while it is none.
  const Violation& violation() const noexcept { return violation_; }

 private:
  static constexpr size_t kLastStreams = 200;

  bool violate(std::string_view cause, std::string_view limit) noexcept;
  bool reset(const StreamCounts* stream, Time now) noexcept;
  bool suspicious() const noexcept { return reset_early_.count() >= kLastStreams / 2; }
  bool content(const SeenFrame& frame, StreamCounts* stream, Time now) noexcept;
  bool empty() noexcept;
  bool small_data(StreamCounts* stream, Time now) noexcept;
  bool ping(bool acknowledges, Time now) noexcept;
  bool settings(bool acknowledges, Time now) noexcept;
  bool priority() noexcept;
  bool window_update() noexcept;
  bool unknown(Time now) noexcept;

  const FloodLimits& limits_;
  Violation violation_;
  Spent resets_;
  Spent resets_suspicious_;
  Spent pings_;
  Spent settings_;
  Spent small_data_;
  // Of the last streams, by number: reset before the first octet of their response.
  std::bitset<kLastStreams> reset_early_;
  uint64_t streams_ = 0;
  uint64_t data_frames_sent_ = 0;
  uint64_t octets_sent_ = 0;  // since they gave back a PING
  uint64_t priorities_ = 0;
  uint64_t window_updates_ = 0;
  uint32_t empty_in_a_row_ = 0;
  uint32_t empty_ = 0;
  uint32_t unknown_ = 0;  // since unknown_since_
  Time unknown_since_{};
};

}  // namespace sluice::h2
