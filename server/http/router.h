// From a request to what answers it.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "protocol/message.h"
#include "server/http/filter.h"
#include "server/http/handler.h"

namespace sluice::http {

// A handler and the filters before it. Owns neither.
struct Route {
  Handler* handler = nullptr;
  std::vector<Filter*> filters;
  uint64_t body_limit = UINT64_MAX;  // octets of request content that the handler may be given
};

// Chooses a route by a request's head. One per worker; never blocks, never fails: there is always a
// default route.
class Router {
 public:
  virtual ~Router() = default;
  virtual const Route& route(const RequestHead& head) = 0;
};

// Every request to one route: what `sluice serve` does.
class SingleRoute final : public Router {
 public:
  explicit SingleRoute(Route route) : route_(std::move(route)) {}
  const Route& route(const RequestHead&) override { return route_; }

 private:
  Route route_;
};

}  // namespace sluice::http
