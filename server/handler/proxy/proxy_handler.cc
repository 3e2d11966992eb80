// The way from an exchange to what this handler keeps for it.
#include "server/handler/proxy/proxy_handler.h"

#include <utility>

namespace sluice::handler::proxy {

namespace {

// Nobody else sets it on the exchanges of this handler.
ProxyExchange* state_of(const http::Exchange& exchange) noexcept {
  return static_cast<ProxyExchange*>(exchange.handler_state());
}

}  // namespace

ProxyHandler::ProxyHandler(const conf::ProxyAction& action,
                           std::shared_ptr<WorkerUpstreams> upstreams,
                           const std::shared_ptr<Upstream>& upstream)
    : upstreams_(std::move(upstreams)),
      forwarding_(action),
      pool_(upstreams_->pool_of(upstream)),
      route_{.action = action,
             .forwarding = forwarding_,
             .pool = *pool_,
             .exchanges = upstreams_->exchanges()} {}

void ProxyHandler::start(http::Exchange& exchange) {
  route_.exchanges.acquire().start(route_, exchange);
}

void ProxyHandler::on_request_body(http::Exchange& exchange) {
  if (ProxyExchange* const state = state_of(exchange)) state->on_request_body();
}

void ProxyHandler::cancel(http::Exchange& exchange) {
  if (ProxyExchange* const state = state_of(exchange)) state->cancel();
}

}  // namespace sluice::handler::proxy
