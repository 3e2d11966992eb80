// Methods, reason phrases, and heads that are used again and again without giving their memory
// back.
#include "protocol/message.h"

#include <algorithm>
#include <iterator>

namespace sluice {

namespace {

struct Reason {
  int status;
  std::string_view phrase;
};

// RFC 9110 section 15, with 103 (RFC 8297), 425 (RFC 8470) and 428, 429, 431, 511 (RFC 6585).
// Sorted.
constexpr Reason kReasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {511, "Network Authentication Required"},
};

}  // namespace

Method method_of(std::string_view token) noexcept {
  switch (token.size()) {
    case 3:
      if (token == "GET") return Method::get;
      return token == "PUT" ? Method::put : Method::other;
    case 4:
      if (token == "HEAD") return Method::head;
      return token == "POST" ? Method::post : Method::other;
    case 5:
      if (token == "PATCH") return Method::patch;
      return token == "TRACE" ? Method::trace : Method::other;
    case 6:
      return token == "DELETE" ? Method::delete_ : Method::other;
    case 7:
      if (token == "OPTIONS") return Method::options;
      return token == "CONNECT" ? Method::connect : Method::other;
    default:
      return Method::other;
  }
}

void RequestHead::clear() noexcept {
  FieldList kept = std::move(fields);
  kept.clear();
  *this = RequestHead();
  fields = std::move(kept);
}

void ResponseHead::clear() noexcept {
  FieldList kept = std::move(fields);
  kept.clear();
  *this = ResponseHead();
  fields = std::move(kept);
}

std::string_view reason_phrase(int status) noexcept {
  const Reason* reason = std::ranges::lower_bound(kReasons, status, {}, &Reason::status);
  return reason != std::end(kReasons) && reason->status == status ? reason->phrase : "Unknown";
}

}  // namespace sluice
