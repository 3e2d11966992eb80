// Status lines come from origins, which are as little trusted as clients: the same strictness,
// answered with 502.
#include "protocol/h1/response_head.h"

#include "protocol/grammar.h"

namespace sluice::h1 {

namespace {

constexpr ProtocolError bad(std::string_view cause) noexcept { return {502, cause, ""}; }

}  // namespace

ProtocolError parse_status_line(std::string_view line, ResponseHead& head,
                                bool& http_1_0) noexcept {
  const std::string_view version = line.substr(0, 9);
  http_1_0 = version == "HTTP/1.0 ";
  if (!http_1_0 && version != "HTTP/1.1 ") return bad("malformed HTTP version");
  const std::string_view digits = line.substr(9, 3);
  if (digits.size() != 3 || !is_digit(digits[0]) || !is_digit(digits[1]) || !is_digit(digits[2])) {
    return bad("malformed status");
  }
  if (line.size() > 12 && line[12] != ' ') return bad("no space after the status");
  head.status = (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
  if (head.status < 100 || head.status > 599) return bad("status out of range");
  return {};
}

bool has_no_content(Method request_method, int status) noexcept {
  if (status < 200 || status == 204 || status == 304) return true;
  if (request_method == Method::head) return true;
  return request_method == Method::connect && status < 300;
}

ProtocolError check_response_framing(int status, const MessageFacts& facts) noexcept {
  const bool frames = facts.chunked || facts.content_length.value_or(0) != 0;
  if ((status < 200 || status == 204) && frames) return bad("content in a response that has none");
  return {};
}

}  // namespace sluice::h1
