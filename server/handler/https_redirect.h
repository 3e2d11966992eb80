// Sends what came in clear text to the same place over TLS.
#pragma once

#include <cstdint>
#include <string>

#include "server/http/exchange.h"
#include "server/http/handler.h"

namespace sluice::handler {

// 308 (RFC 9110 section 15.4.9): method and content stay. Thread: its worker's.
class HttpsRedirectHandler final : public http::Handler {
 public:
  // `port`: where TLS is spoken. `host`: for a request that names none (HTTP/1.0); may be empty.
  HttpsRedirectHandler(uint16_t port, std::string host) : port_(port), host_(std::move(host)) {}
  void start(http::Exchange& exchange) override;

 private:
  const uint16_t port_;
  const std::string host_;
};

}  // namespace sluice::handler
