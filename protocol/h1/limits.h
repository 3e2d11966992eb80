// What bounds an HTTP/1 message. Plain numbers without defaults: server/ fills them from
// conf/limits.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::h1 {

struct Limits {
  size_t start_line;        // octets of a request or status line, CRLF not counted
  size_t field_line;        // octets of one field line
  size_t head;              // octets of the whole head
  size_t fields;            // field lines in a head
  size_t trailer_fields;    // field lines in a trailer section
  size_t trailers;          // octets of a trailer section
  size_t chunk_line;        // octets of one chunk's extensions
  size_t chunk_extensions;  // octets of all extensions of a message
  uint64_t content_length;  // largest Content-Length that is accepted (a codec's cap; routes may
                            // set less)
};

}  // namespace sluice::h1
