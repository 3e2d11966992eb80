// The fields a codec acts on itself and hands to nobody: what delimits the content (RFC 9112
// section 6), what holds for this connection only (RFC 9110 section 7.6.1), and Host.
//
// Use: take() each field line, pass on those it leaves; then finish(), which drops what Connection
// named.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/codec_sink.h"
#include "protocol/fields.h"

namespace sluice::h1 {

// What a head says about its content and its connection, as our own pass reads it.
struct MessageFacts {
  bool http_1_0 = false;
  bool persists = false;  // RFC 9112 section 9.3
  bool chunked = false;
  std::optional<uint64_t> content_length;
  // Keep-Alive's timeout parameter, in seconds: how long the peer keeps the connection when idle.
  std::optional<uint32_t> keep_alive_timeout;
};

class ControlFields {
 public:
  // True when the field is the codec's. Views into the field stay until finish().
  bool take(const Field& field) noexcept;

  // Checks what was taken, fills `facts` (its http_1_0 is given) and removes from `fields` what
  // Connection names. `largest` caps Content-Length. An error has status 0 when all is well.
  ProtocolError finish(uint64_t largest, MessageFacts& facts, FieldList& fields);

  unsigned hosts() const noexcept { return hosts_; }
  std::string_view host() const noexcept { return host_; }
  bool has_content_fields() const noexcept { return lengths_ + codings_ != 0; }
  bool expects_continue() const noexcept { return expects_continue_; }
  bool expects_unknown() const noexcept { return expects_unknown_; }
  // What Upgrade asks for first, when Connection names it; else empty.
  std::string_view upgrade() const noexcept;

 private:
  static constexpr size_t kMaxNamed = 16;

  void take_connection(std::string_view value) noexcept;
  void take_option(std::string_view option) noexcept;
  void take_expect(std::string_view value) noexcept;
  void take_keep_alive(std::string_view value) noexcept;
  ProtocolError read_framing(uint64_t largest, MessageFacts& facts) const noexcept;
  ProtocolError read_length(uint64_t largest, std::optional<uint64_t>& length) const noexcept;
  ProtocolError read_coding(bool& chunked) const noexcept;
  void drop_named(FieldList& fields) const;

  std::string_view host_;
  std::string_view length_;
  std::string_view coding_;
  std::string_view upgrade_;
  unsigned hosts_ = 0;
  unsigned lengths_ = 0;
  unsigned codings_ = 0;
  std::string_view connection_error_;
  bool close_ = false;
  bool keep_alive_ = false;
  bool upgrade_named_ = false;
  bool expects_continue_ = false;
  bool expects_unknown_ = false;
  std::optional<uint32_t> keep_alive_timeout_;
  uint8_t named_count_ = 0;
  std::array<std::string_view, kMaxNamed> named_;  // options that may be field names
};

}  // namespace sluice::h1
