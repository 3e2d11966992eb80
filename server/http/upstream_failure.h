// What can go wrong between a proxy and an upstream, in the words of RFC 9209 section 2.3.
#pragma once

#include <string_view>

#include "protocol/codec_sink.h"

namespace sluice::http {

// Why an upstream gave no whole response. Texts are static.
struct UpstreamFailure {
  int status = 502;        // what the client is answered, when its response has not begun
  std::string_view error;  // RFC 9209 section 2.3: "connection_terminated"
  std::string_view cause;  // for the log: "upstream closed before its response"
  std::string_view limit = {};
  // The upstream has not begun to act on it: REFUSED_STREAM, above GOAWAY's last stream, or never
  // sent (RFC 9113 section 8.7). It may be sent again whatever its method.
  bool unread = false;
  // The connection had served before and died without an octet of this response: the idle race
  // (RFC 9112 section 9.3.1). An idempotent request may be sent again.
  bool idle_race = false;
};

// What a codec of either version found in a response; limits are named as the upstream's.
UpstreamFailure failure_of(const ProtocolError& error) noexcept;

// It is not the upstream's fault: the request's content was cut, or is not what was announced.
inline constexpr UpstreamFailure kContentFailed{
    .status = 400, .error = "http_request_error", .cause = "request content could not be read"};
inline constexpr UpstreamFailure kContentOfOtherLength{
    .status = 500,
    .error = "http_request_error",
    .cause = "request content is not of the length that was announced"};

}  // namespace sluice::http
