// What a peer's frames cost it: HTTP/2 lets a few octets ask for much work, again and again, and a
// client that reads all answers is never stopped by back-pressure (RFC 9113 section 10.5).
//
// Each kind of frame that asks for more than it brings has an allowance, which regrows with time or
// with octets that were of use. Honest clients never spend one: a browser that cancels map tiles, a
// chat of 20-octet messages, a gRPC client that probes with PING. Who does is a flood.
//
// Only counts. Time enters as a parameter and never goes backwards.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::h2 {

using Time = std::chrono::steady_clock::time_point;

// So many at once, and so many more each second.
struct Allowance {
  uint32_t burst;
  uint32_t per_second;
};

struct FloodLimits {
  Allowance resets;  // of streams: by the peer, or by us for the peer's errors
  // Also a flood: more than this many resets in a second while half of the last 200 streams were
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

}  // namespace sluice::h2
