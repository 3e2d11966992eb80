// Filling in captures.
#include "server/handler/redirect.h"

#include <optional>
#include <utility>

#include "conf/pattern.h"

namespace sluice::handler {

namespace {

// Browsers read a backslash as a slash (WHATWG URL, "relative slash state").
bool is_slash(char octet) noexcept { return octet == '/' || octet == '\\'; }

void keep_to_this_host(std::string& target) {
  if (!target.starts_with('/')) return;
  size_t slashes = 1;
  while (slashes < target.size() && is_slash(target[slashes])) ++slashes;
  target.erase(0, slashes - 1);
  target.front() = '/';
}

}  // namespace

RouteTarget::RouteTarget(const conf::PathMatch& match, std::string to)
    : matcher_(match), to_(std::move(to)) {}

std::string RouteTarget::of(const RequestHead& request) const {
  conf::Captures captures;
  matcher_.matches(request.path, captures);
  std::string target = conf::substitute(to_, captures, request.has_query, request.query);
  keep_to_this_host(target);
  return target;
}

RedirectHandler::RedirectHandler(net::Loop& loop, const conf::PathMatch& match,
                                 const conf::RedirectAction& action,
                                 const std::vector<conf::CacheRule>& cache)
    : loop_(loop), status_(action.status), target_(match, action.to), rules_(cache) {}

void RedirectHandler::start(http::Exchange& exchange) {
  ResponseHead& head = exchange.response();
  head.storage = copy_of(target_.of(exchange.request()));
  head.fields.add("Location", head.storage.view(), FieldId::location);
  if (const std::optional<size_t> rule = rules_.find(exchange.request().path))
    http::add_freshness(exchange, rules_.freshness(*rule), loop_.wall_seconds());
  http::respond_with_status(exchange, status_, "");
}

RewriteHandler::RewriteHandler(const conf::PathMatch& match, const conf::RewriteAction& action)
    : target_(match, action.to) {}

void RewriteHandler::start(http::Exchange& exchange) {
  exchange.rewrite(target_.of(exchange.request()));
}

}  // namespace sluice::handler
