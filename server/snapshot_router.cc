// Handlers and filters of one worker, site by site.
#include "server/snapshot_router.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>
#include <variant>

#include "server/handler/redirect.h"
#include "server/handler/respond.h"

namespace sluice {

// What one site needs on one worker. The routes point to the rest.
struct SnapshotRouter::Site {
  handler::StatusHandler no_route{404, "no route matches the path"};
  std::vector<std::unique_ptr<http::Handler>> handlers;  // one for each route
  std::vector<std::unique_ptr<http::FieldRules>> field_rules;
  std::unique_ptr<handler::SiteErrorPages> error_pages;
  std::vector<http::Route> routes;  // as the configuration has them
  http::Route no_route_route;
};

namespace {

// A listener may reach no default site: its unknown hosts are misdirected all the same.
int status_for_unknown_hosts(const conf::Configuration& configuration) noexcept {
  return configuration.unknown_host.status != 0 ? configuration.unknown_host.status : 421;
}

// Makes the handler that an action asks for.
struct MakeHandler {
  std::unique_ptr<http::Handler> operator()(const conf::FilesAction& files) const {
    return std::make_unique<handler::FilesHandler>(
        loop, helpers, *folder, handler::FilesHandler::Options{.else_next = files.else_next});
  }
  std::unique_ptr<http::Handler> operator()(const conf::RedirectAction& redirect) const {
    return std::make_unique<handler::RedirectHandler>(loop, route.match, redirect, route.cache);
  }
  std::unique_ptr<http::Handler> operator()(const conf::RewriteAction& rewrite) const {
    return std::make_unique<handler::RewriteHandler>(route.match, rewrite);
  }
  std::unique_ptr<http::Handler> operator()(const conf::RespondAction& respond) const {
    return std::make_unique<handler::RespondHandler>(loop, respond, route.cache);
  }

  const conf::Route& route;
  handler::FileSite* folder;
  net::Loop& loop;
  net::Helpers& helpers;
};

}  // namespace

SnapshotRouter::SnapshotRouter(std::shared_ptr<const Snapshot> snapshot, net::Loop& loop,
                               net::Helpers& helpers, std::vector<uint32_t> numbers)
    : snapshot_(std::move(snapshot)),
      numbers_(std::move(numbers)),
      unknown_host_(status_for_unknown_hosts(snapshot_->configuration()), "no site has this host"),
      unknown_host_route_{.handler = &unknown_host_,
                          .filters = {},
                          .origin = snapshot_->configuration().unknown_host.origin} {
  for (size_t i = 0; i < snapshot_->sites().size(); ++i) make_site(i, loop, helpers);
}

SnapshotRouter::~SnapshotRouter() = default;

void SnapshotRouter::make_site(size_t index, net::Loop& loop, net::Helpers& helpers) {
  const conf::Site& site = snapshot_->configuration().sites[index];
  const Snapshot::Site& shared = snapshot_->sites()[index];
  auto made = std::make_unique<Site>();
  const auto filters_of = [&](const std::vector<conf::FieldRule>& rules) {
    if (rules.empty()) return std::vector<http::Filter*>();
    made->field_rules.push_back(std::make_unique<http::FieldRules>(rules));
    return std::vector<http::Filter*>{made->field_rules.back().get()};
  };
  for (size_t i = 0; i < site.routes.size(); ++i) {
    const conf::Route& route = site.routes[i];
    made->handlers.push_back(
        std::visit(MakeHandler{route, shared.folders[i].get(), loop, helpers}, route.action));
    made->routes.push_back({.handler = made->handlers.back().get(),
                            .filters = filters_of(route.fields),
                            .body_limit = site.limits.values.body,
                            .limits = &site.limits,
                            .origin = route.origin});
  }
  made->no_route_route = {.handler = &made->no_route,
                          .filters = filters_of(site.fields),
                          .body_limit = site.limits.values.body,
                          .limits = &site.limits,
                          .origin = site.origin};
  if (!site.error_pages.empty()) {
    assert(std::holds_alternative<conf::FilesAction>(site.routes.back().action));
    auto& root = static_cast<handler::FilesHandler&>(*made->handlers.back());
    made->error_pages = std::make_unique<handler::SiteErrorPages>(root, site.error_pages);
    for (http::Route& route : made->routes) route.error_pages = made->error_pages.get();
    made->no_route_route.error_pages = made->error_pages.get();
  }
  sites_.push_back(std::move(made));
}

std::optional<size_t> SnapshotRouter::index_of(uint32_t listener) const noexcept {
  const auto found = std::find(numbers_.begin(), numbers_.end(), listener);
  if (found == numbers_.end()) return std::nullopt;
  return static_cast<size_t>(found - numbers_.begin());
}

// A connection may be older than the configuration, and its listener gone. It gets nothing more:
// which sites it might see, no listener says.
const http::Route& SnapshotRouter::route(const RequestHead& head, http::RouteSearch& search) {
  const std::optional<size_t> listener = index_of(search.listener);
  if (!listener) return listener_gone_route_;
  const http::SiteTable::Choice choice = snapshot_->hosts().find(*listener, head.authority);
  if (choice.status != 0) return unknown_host_route_;
  search.site = choice.site;
  search.position = 0;
  // CONNECT and "OPTIONS *" are about no path, and "**" is no answer to them.
  const http::Route* const found = head.path.starts_with('/') ? next(head, search) : nullptr;
  return found != nullptr ? *found : sites_[search.site]->no_route_route;
}

const http::Route* SnapshotRouter::next(const RequestHead& head, http::RouteSearch& search) {
  const auto match = snapshot_->sites()[search.site].table.find(head.path, search.position);
  if (!match) return nullptr;
  search.position = match->position + 1;
  return &sites_[search.site]->routes[match->route];
}

}  // namespace sluice
