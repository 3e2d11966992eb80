// llhttp runs over octets that our own pass has accepted, with callbacks only where readings can
// differ: where the head ends and what it says about framing, how many octets are data, where the
// message ends.
#include "protocol/h1/second_opinion.h"

#include <llhttp.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <new>

#if !defined(LLHTTP_STRICT_MODE) || LLHTTP_STRICT_MODE != 1
#error "compile every unit with -DLLHTTP_STRICT_MODE=1: llhttp's default is its loose parser"
#endif

namespace sluice::h1 {

namespace {

// A disagreement that a client can cause is a refused message; one that a fuzzer finds is a bug of
// ours.
bool disagree() noexcept {
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
  std::abort();
#else
  return false;
#endif
}

// Those of WebDAV and its kin are strings for us: only an upstream knows what they mean.
constexpr std::string_view kMethods[] = {
#define SLUICE_METHOD(number, name, string) #string,
    HTTP_METHOD_MAP(SLUICE_METHOD)
#undef SLUICE_METHOD
};
// The list has no gaps: a method's place is its number.
static_assert(std::size(kMethods) == HTTP_SOURCE + 1 && kMethods[HTTP_MSEARCH] == "M-SEARCH");

uint8_t llhttp_method_of(const HeadReading& ours) noexcept {
  switch (ours.method) {
    case Method::get:
      return HTTP_GET;
    case Method::head:
      return HTTP_HEAD;
    case Method::post:
      return HTTP_POST;
    case Method::put:
      return HTTP_PUT;
    case Method::delete_:
      return HTTP_DELETE;
    case Method::connect:
      return HTTP_CONNECT;
    case Method::options:
      return HTTP_OPTIONS;
    case Method::trace:
      return HTTP_TRACE;
    case Method::patch:
      return HTTP_PATCH;
    case Method::other:
      break;
  }
  const auto* const found = std::find(std::begin(kMethods), std::end(kMethods), ours.method_text);
  // UINT8_MAX differs from all.
  return found == std::end(kMethods) ? UINT8_MAX : static_cast<uint8_t>(found - kMethods);
}

bool same_start_line(const llhttp_t& theirs, const HeadReading& ours) noexcept {
  if (theirs.http_major != 1 || theirs.http_minor != (ours.facts.http_1_0 ? 0 : 1)) return false;
  if (ours.status != 0) return theirs.status_code == ours.status;
  return theirs.method == llhttp_method_of(ours);
}

bool same_framing(const llhttp_t& theirs, const MessageFacts& ours) noexcept {
  const bool has_length = (theirs.flags & F_CONTENT_LENGTH) != 0;
  return ((theirs.flags & F_CHUNKED) != 0) == ours.chunked &&
         has_length == ours.content_length.has_value() &&
         (!has_length || theirs.content_length == *ours.content_length);
}

// Whether llhttp took all octets. It pauses where another protocol may follow, which is not its
// decision here.
bool took_all(llhttp_t& parser, std::string_view octets) noexcept {
  const llhttp_errno_t result = llhttp_execute(&parser, octets.data(), octets.size());
  return result == HPE_OK || (result == HPE_PAUSED_UPGRADE &&
                              llhttp_get_error_pos(&parser) == octets.data() + octets.size());
}

}  // namespace

// What llhttp calls while it executes; `data` is the SecondOpinion.
struct SecondOpinion::Callbacks {
  static SecondOpinion& self(llhttp_t* parser) noexcept {
    return *static_cast<SecondOpinion*>(parser->data);
  }

  // llhttp sees the message end after the head unless it is told to go on: only chunked content
  // needs its eye.
  static int on_headers_complete(llhttp_t* parser) noexcept {
    SecondOpinion& opinion = self(parser);
    if (opinion.head_seen_) return -1;
    opinion.head_seen_ = true;
    const HeadReading& ours = *opinion.ours_;
    if (!same_start_line(*parser, ours) || !same_framing(*parser, ours.facts)) return -1;
    return ours.content_is_read ? 0 : 1;
  }
  static int on_body(llhttp_t* parser, const char*, size_t size) noexcept {
    self(parser).data_octets_ += size;
    return 0;
  }
  static int on_message_begin(llhttp_t* parser) noexcept {
    return self(parser).head_seen_ ? -1 : 0;  // a second message in octets that we call one
  }
  static int on_message_complete(llhttp_t* parser) noexcept {
    self(parser).ended_ = true;
    return 0;
  }

  static llhttp_settings_t make_settings() noexcept {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_message_begin = on_message_begin;
    settings.on_headers_complete = on_headers_complete;
    settings.on_body = on_body;
    settings.on_message_complete = on_message_complete;
    return settings;
  }
  static const llhttp_settings_t kSettings;
};

const llhttp_settings_t SecondOpinion::Callbacks::kSettings = make_settings();

bool SecondOpinion::agrees_on_head(std::string_view head, const HeadReading& ours) noexcept {
  static_assert(sizeof(llhttp_t) <= sizeof(parser_) && alignof(llhttp_t) <= 8);
  llhttp_t& parser = *new (parser_) llhttp_t;
  llhttp_init(&parser, ours.status != 0 ? HTTP_RESPONSE : HTTP_REQUEST, &Callbacks::kSettings);
  parser.data = this;
  ours_ = &ours;
  data_octets_ = 0;
  head_seen_ = ended_ = false;
  const bool agrees =
      took_all(parser, head) && head_seen_ && ended_ == !ours.content_is_read && data_octets_ == 0;
  ours_ = nullptr;
  return agrees || disagree();
}

bool SecondOpinion::agrees_on_content(std::string_view octets, uint64_t data_octets,
                                      bool ends) noexcept {
  llhttp_t& parser = *std::launder(reinterpret_cast<llhttp_t*>(parser_));
  parser.data = this;
  data_octets_ = 0;
  const bool agrees = took_all(parser, octets) && data_octets_ == data_octets && ended_ == ends;
  return agrees || disagree();
}

bool knows_method(std::string_view token) noexcept {
  return std::find(std::begin(kMethods), std::end(kMethods), token) != std::end(kMethods);
}

bool strict_mode_works() noexcept {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: a\r\n\rX";
  return llhttp_execute(&parser, kRequest.data(), kRequest.size()) != HPE_OK;
}

}  // namespace sluice::h1
