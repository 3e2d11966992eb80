// From a request to what answers it.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/configuration.h"
#include "protocol/message.h"
#include "protocol/owner.h"
#include "server/http/filter.h"
#include "server/http/handler.h"

namespace sluice::tls {
struct Choice;
}

namespace sluice::http {

// What a site says in place of Sluice's own short texts.
class ErrorPages {
 public:
  // Answers `exchange` with the page for `status`, or returns false and has touched nothing. Never
  // blocks. Fields that are set in the response head already (Allow, Retry-After) stay.
  virtual bool respond(Exchange& exchange, int status) = 0;

 protected:
  ~ErrorPages() = default;
};

// A handler and what holds for the exchanges it is given. Owns none of it; the router outlives it.
struct Route {
  Handler* handler = nullptr;
  std::vector<Filter*> filters;
  uint64_t body_limit = UINT64_MAX;  // octets of request content that the handler may be given
  // From here on, in place of the listener's: body, send and their like; null: the listener's.
  const conf::LimitSet* limits = nullptr;
  ErrorPages* error_pages = nullptr;  // null: Sluice's own texts
  bool push = false;  // what its responses ask to preload is sent along to clients that take it
  std::string_view origin = {};  // "sluice.toml:12": what the log names; may be empty
};

// Where the search for a route stands. Begins as {.listener = N}; the rest is the router's.
struct RouteSearch {
  uint32_t listener = 0;
  const tls::Choice* choice = nullptr;  // what TLS negotiated; null: clear text
  uint32_t site = 0;
  uint32_t position = 0;
};

// Chooses routes by a request's head. One per worker; never blocks. Exchanges pin it while they
// run, so that a reload replaces the router without waiting for them: it ends with the last one.
class Router : public Owner {
 public:
  virtual ~Router() = default;
  // The first route that matches. Never fails: there is always a default one.
  virtual const Route& route(const RequestHead& head, RouteSearch& search) = 0;
  // The one after what `search` found last, for a handler that passes a request on; null when none
  // is left.
  virtual const Route* next(const RequestHead& head, RouteSearch& search) {
    (void)head, (void)search;
    return nullptr;
  }

 protected:
  void on_unreferenced() noexcept override { delete this; }
};

// Every request to one route.
class SingleRoute final : public Router {
 public:
  explicit SingleRoute(Route route) : route_(std::move(route)) {}
  const Route& route(const RequestHead&, RouteSearch&) override { return route_; }

 private:
  // Lives where it was put, whoever pins it.
  void on_unreferenced() noexcept override {}

  Route route_;
};

}  // namespace sluice::http
