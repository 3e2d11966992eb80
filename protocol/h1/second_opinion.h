// llhttp in strict mode as a second reader of what our own pass accepted. The only door to llhttp:
// its header is included by second_opinion.cc alone.
//
// Two parsers that see different messages in the same octets are what request smuggling lives on
// (RFC 9112 section 11.2). Where these two differ, the message is refused; a build for fuzzing
// aborts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/h1/control_fields.h"
#include "protocol/message.h"

namespace sluice::h1 {

// What our own pass read in a head. `method` for requests, `status` (else 0) for responses.
struct HeadReading {
  Method method = Method::other;
  std::string_view method_text = {};  // with Method::other, one that llhttp knows
  int status = 0;
  MessageFacts facts;
  bool content_is_read = false;  // chunked content follows, which agrees_on_content() will be shown
};

class SecondOpinion {
 public:
  // Starts anew with a complete head. True when llhttp reads the same in it.
  bool agrees_on_head(std::string_view head, const HeadReading& ours) noexcept;
  // Shows further octets of chunked content that our reader accepted, of which `data_octets` are
  // data; `ends` when the message ends with them. Requires: agrees_on_head() with content_is_read
  // was true.
  bool agrees_on_content(std::string_view octets, uint64_t data_octets, bool ends) noexcept;

 private:
  struct Callbacks;

  // llhttp_t, which only second_opinion.cc may know.
  alignas(8) unsigned char parser_[104];
  const HeadReading* ours_ = nullptr;  // during agrees_on_head() only
  uint64_t data_octets_ = 0;
  bool head_seen_ = false;
  bool ended_ = false;
};

// Whether a request with this method can get a second opinion. llhttp has a list of its own.
bool knows_method(std::string_view token) noexcept;

// False when llhttp was built in its loose mode, which accepts "\r\n\rX": the server must refuse to
// start.
bool strict_mode_works() noexcept;

}  // namespace sluice::h1
