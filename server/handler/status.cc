// One status for all.
#include "server/handler/status.h"

namespace sluice::handler {

namespace {
constexpr std::string_view kAllow = "GET, HEAD, OPTIONS";
}

void StatusHandler::start(http::Exchange& exchange) {
  const RequestHead& request = exchange.request();
  if (request.method == Method::options && request.path == "*") {
    return http::respond_with_status(exchange, 204, "", kAllow);
  }
  if (request.method == Method::connect) {
    return http::respond_with_status(exchange, 405, "no tunnels here", kAllow);
  }
  if (request.method == Method::other) {
    return http::respond_with_status(exchange, 501, "method is not known");
  }
  http::respond_with_status(exchange, status_, cause_);
}

}  // namespace sluice::handler
