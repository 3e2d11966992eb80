// A codec's words for what is wrong with a message, put in those of Proxy-Status.
#include "server/http/upstream_failure.h"

#include <array>

namespace sluice::http {

namespace {

struct LimitWords {
  std::string_view of_codec;
  std::string_view ours;
  std::string_view error;
};
constexpr std::array<LimitWords, 8> kLimitWords = {{
    {"request_line", "upstream_head", "http_response_header_section_size"},
    {"field", "upstream_head", "http_response_header_size"},
    {"head", "upstream_head", "http_response_header_section_size"},
    {"fields", "upstream_fields", "http_response_header_section_size"},
    {"trailers", "upstream_head", "http_response_trailer_section_size"},
    {"trailer_fields", "upstream_fields", "http_response_trailer_section_size"},
    {"chunk_line", "", "http_protocol_error"},
    {"chunk_extensions", "", "http_protocol_error"},
}};

}  // namespace

UpstreamFailure failure_of(const ProtocolError& error) noexcept {
  UpstreamFailure failure{.error = "http_protocol_error", .cause = error.cause};
  for (const LimitWords& words : kLimitWords) {
    if (error.limit != words.of_codec) continue;
    failure.error = words.error;
    failure.limit = words.ours;
  }
  if (error.cause == "transfer coding not implemented") {
    failure.error = "http_response_transfer_coding";
  } else if (error.cause.starts_with("closed within")) {
    failure.error = "http_response_incomplete";
  }
  return failure;
}

}  // namespace sluice::http
