// Sends the client elsewhere, or the request to another path: targets with captures.
//
// Invariant: a target that is a path stays one. What a capture stands for comes from the client,
// and
// "/" before "/example.net" would name another host (RFC 3986 section 4.2): slashes at the front
// become one.
#pragma once

#include <string>
#include <vector>

#include "conf/configuration.h"
#include "conf/path_matcher.h"
#include "server/http/cache_rules.h"
#include "server/http/exchange.h"
#include "server/http/handler.h"
#include "server/net/loop.h"

namespace sluice::handler {

// A route's target: `to` with the captures of the path in place of $1 to $9. Immutable; any thread.
class RouteTarget {
 public:
  // Requires: what conf/reader.h lets through.
  RouteTarget(const conf::PathMatch& match, std::string to);

  // For a request that the route matches.
  std::string of(const RequestHead& request) const;

 private:
  const conf::PathMatcher matcher_;
  const std::string to_;
};

// Answers any method with 301, 302, 303, 307 or 308 (RFC 9110 section 15.4). Thread: its worker's.
class RedirectHandler final : public http::Handler {
 public:
  // `cache`: rules for what caches may do with it. The loop outlives it.
  RedirectHandler(net::Loop& loop, const conf::PathMatch& match, const conf::RedirectAction& action,
                  const std::vector<conf::CacheRule>& cache);
  void start(http::Exchange& exchange) override;

 private:
  net::Loop& loop_;
  const int status_;
  const RouteTarget target_;
  const http::CacheRules rules_;
};

// Has the request routed anew, by another path; the client sees nothing of it. Thread: its
// worker's.
class RewriteHandler final : public http::Handler {
 public:
  RewriteHandler(const conf::PathMatch& match, const conf::RewriteAction& action);
  void start(http::Exchange& exchange) override;

 private:
  const RouteTarget target_;
};

}  // namespace sluice::handler
