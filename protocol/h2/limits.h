// What bounds an HTTP/2 connection and its messages. Plain numbers without defaults: server/ fills
// them from conf/limits.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "protocol/h2/flood_guard.h"

namespace sluice::h2 {

struct Limits {
  // What is announced in the first SETTINGS (RFC 9113 section 6.5.2).
  uint32_t streams;  // SETTINGS_MAX_CONCURRENT_STREAMS
  uint32_t head;     // SETTINGS_MAX_HEADER_LIST_SIZE: octets of a head, 32 more for each field

  // A message's head and trailers; what is over one of them is answered 414 or 431, trailers 400.
  size_t target;          // octets of :path
  size_t field;           // octets of one field's name and value
  size_t fields;          // field lines in a head, each crumb of a cookie is one
  size_t trailer_fields;  // field lines in a trailer section
  size_t trailers;        // octets of a trailer section, 32 more for each field
  size_t fields_fatal;    // field lines of one head that end the connection
  size_t head_block;      // octets of a field block as it comes: HEADERS with its CONTINUATIONs
  size_t continuations;   // CONTINUATION frames of one field block
  uint64_t content_length;

  // Flow control (RFC 9113 section 5.2): octets.
  uint32_t stream_window;       // at first
  uint32_t stream_window_most;  // a stream's window doubles up to this as its content is consumed
  uint32_t connection_window;

  FloodLimits floods;
};

}  // namespace sluice::h2
