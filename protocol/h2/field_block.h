// The field lines of one field block as they come out of HPACK, until it is complete (RFC 9113
// section 8.2), and what becomes of them: a request's or a response's head, or trailers.
//
// A block may be spread over CONTINUATION frames, so its lines are kept in memory of their own and
// copied once, to exact size, when the last has come. What is over a limit is counted and not kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/block.h"
#include "protocol/codec_sink.h"
#include "protocol/fields.h"
#include "protocol/h2/limits.h"
#include "protocol/message.h"

namespace sluice::h2 {

class FieldBlock {
 public:
  enum class Kind : uint8_t { request, response, trailers };

  // Begins anew; its memory stays.
  void begin(Kind kind) noexcept;
  // One line. Requires: nghttp2 has taken it for well-formed (lower-case name, no connection's
  // field, pseudo-fields in their place).
  void add(std::string_view name, std::string_view value, const Limits& limits);
  Kind kind() const noexcept { return kind_; }
  // Lines that came, kept or not.
  size_t lines() const noexcept { return lines_; }
  // What it is refused for; status 0 when it is within all limits.
  const ProtocolError& refusal() const noexcept { return refusal_; }
  // Octets of memory.
  size_t held() const noexcept { return text_.capacity() + parts_.capacity() * sizeof(Part); }

  struct Asked {
    bool secure;              // the connection's scheme is https
    bool ends_stream;         // there is no content
    uint64_t content_length;  // the largest that is taken
  };
  // What a complete block of a request is.
  enum class Verdict : uint8_t { good, malformed, refused };
  // Fills `head`, which is clear, with its strings in memory of `pool`. `error` says what it is
  // refused for, or as what it is malformed (RFC 9113 section 8.1.1; status 400).
  Verdict finish_request(const Asked& asked, BlockPool& pool, RequestHead& head,
                         ProtocolError& error) const;
  // Likewise; false when it is malformed.
  bool finish_response(BlockPool& pool, ResponseHead& head) const;
  // Fills `trailers`, which is clear; returns what keeps their strings alive, or nothing when they
  // are malformed.
  std::optional<Slice> finish_trailers(BlockPool& pool, FieldList& trailers) const;

 private:
  // RFC 9113 sections 8.3.1 and 8.3.2, RFC 8441 section 4.
  enum class Pseudo : uint8_t { none, method, scheme, authority, path, protocol, status };
  // Where a line lies in text_: its name, and right behind it its value.
  struct Part {
    uint32_t name;
    uint32_t name_size;
    uint32_t value_size;
    Pseudo pseudo;
    FieldId id;
  };
  struct PseudoFields;
  struct Control;

  void refuse(int status, std::string_view cause, std::string_view limit) noexcept;
  static Pseudo pseudo_of(std::string_view name) noexcept;
  static std::string_view name_of(const Part& part, std::string_view text) noexcept {
    return text.substr(part.name, part.name_size);
  }
  static std::string_view value_of(const Part& part, std::string_view text) noexcept {
    return text.substr(part.name + part.name_size, part.value_size);
  }
  // A copy of the text in memory of `pool`.
  Slice keep(BlockPool& pool) const;
  PseudoFields pseudo_fields(std::string_view text) const noexcept;
  Slice joined_cookie() const;
  bool take_fields(std::string_view text, RequestHead& head, Control& control) const;
  ProtocolError take_place(const PseudoFields& pseudo, const Control& control, bool secure,
                           BlockPool& pool, RequestHead& head) const;
  static ProtocolError unserved(const Control& control, const Asked& asked, RequestHead& head);

  Kind kind_ = Kind::request;
  std::string text_;
  std::vector<Part> parts_;
  size_t lines_ = 0;
  size_t octets_ = 0;  // of all lines, with the 32 that each costs (RFC 9113 section 6.5.2)
  size_t cookies_ = 0;
  ProtocolError refusal_;
};

}  // namespace sluice::h2
