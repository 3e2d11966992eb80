// The chunked transfer coding, read strictly (RFC 9112 section 7.1).
//
// Invariants:
//   1. A chunk's line is one to 16 hexadecimal digits and well-formed extensions; no white space,
//   no bare LF.
//   2. A line is consumed when all of it is there, data as it comes.
//   3. llhttp sees every octet that is consumed, save extensions, and must count the same data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/codec_sink.h"
#include "protocol/h1/limits.h"
#include "protocol/h1/second_opinion.h"
#include "protocol/h1/section.h"

namespace sluice::h1 {

struct ChunkLine {
  uint64_t size = 0;
  size_t extensions = 0;  // octets between the size and CRLF
  size_t length = 0;      // octets of the line, with CRLF
};

// Reads the line before a chunk's data. `limit` bounds its extensions. need_more, line or failed.
Outcome parse_chunk_line(std::string_view input, size_t limit, ChunkLine& out,
                         ProtocolError& error) noexcept;

// The state of one message's chunked content. Made for the first such message of a connection and
// used again.
class ChunkedReader {
 public:
  // What comes next in the octets given to step().
  enum class Part : uint8_t { size_line, data, data_end, trailers, done };

  // One piece of progress: `consumed` octets, of which `data_size` at their start are content.
  struct Step {
    size_t consumed = 0;
    size_t data_size = 0;
  };

  // Ready for a new message; the caller then shows its head to opinion().
  void restart() noexcept;
  SecondOpinion& opinion() noexcept { return opinion_; }
  Part part() const noexcept { return part_; }

  // Takes one part, or as much data as there is. Consumes nothing when the part is incomplete or
  // when the error's status is set. Trailer fields are added to `trailers`, which is empty until
  // the section is complete.
  Step step(std::string_view input, const Limits& limits, FieldList& trailers,
            ProtocolError& error);

 private:
  Step take_line(std::string_view input, const Limits& limits, ProtocolError& error) noexcept;
  Step take_data(std::string_view input, ProtocolError& error) noexcept;
  Step take_data_end(std::string_view input, ProtocolError& error) noexcept;
  Step take_trailers(std::string_view input, const Limits& limits, FieldList& trailers,
                     ProtocolError& error);
  Step agreed(std::string_view octets, size_t data_size, bool ends, ProtocolError& error) noexcept;

  SecondOpinion opinion_;
  uint64_t left_ = 0;      // data octets of the current chunk still to come
  size_t extensions_ = 0;  // octets of extensions in this message
  SectionCursor cursor_;   // within the trailer section
  Part part_ = Part::size_line;
};

}  // namespace sluice::h1
