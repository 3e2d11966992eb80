// Handlers and filters of one worker, site by site.
#include "server/snapshot_router.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>
#include <variant>

#include "conf/listen_address.h"
#include "server/handler/https_redirect.h"
#include "server/handler/proxy/proxy_handler.h"
#include "server/handler/redirect.h"
#include "server/handler/respond.h"
#include "server/http/early_hints.h"
#include "server/http/plain_host.h"
#include "server/http/strict_transport.h"

namespace sluice {

// What one site needs on one worker. The routes point to the rest.
struct SnapshotRouter::Site {
  handler::StatusHandler no_route{404, "no route matches the path"};
  std::vector<std::unique_ptr<http::Handler>> handlers;  // one for each route
  std::vector<std::unique_ptr<http::FieldRules>> field_rules;
  std::unique_ptr<handler::SiteErrorPages> error_pages;
  std::vector<http::Route> routes;  // as the configuration has them
  http::Route no_route_route;
  std::unique_ptr<handler::HttpsRedirectHandler> to_https;  // null where clear text is served
  http::Route to_https_route;
  std::unique_ptr<http::StrictTransport> strict_transport;  // null without HSTS
  std::unique_ptr<http::EarlyHints> early_hints;            // null without any
};

namespace {

// A listener may reach no default site: its unknown hosts are misdirected all the same.
int status_for_unknown_hosts(const conf::Configuration& configuration) noexcept {
  return configuration.unknown_host.status != 0 ? configuration.unknown_host.status : 421;
}

constexpr uint16_t kHttpsPort = 443;

uint16_t configured_port(const conf::Listener& listener) {
  conf::ListenAddress address;
  return conf::parse_listen_address(listener.address, address).empty() ? address.port : 0;
}

// Where the site is reached over TLS; nothing when it is not. Through a Unix socket alone: whoever
// passes connections on to it takes them at the usual port.
std::optional<uint16_t> tls_port_of(const conf::Configuration& configuration,
                                    const std::vector<uint16_t>& ports, const conf::Site& site) {
  std::optional<uint16_t> found;
  for (size_t i = 0; i < configuration.listeners.size(); ++i) {
    const conf::Listener& listener = configuration.listeners[i];
    if (!listener.tls || !conf::names_listener(site.listeners, listener.name)) continue;
    const uint16_t port = i < ports.size() ? ports[i] : configured_port(listener);
    if (port != 0) return port;
    found = kHttpsPort;
  }
  return found;
}

// The host of a site that has just one; a request that names none may mean it.
std::string only_host_of(const conf::Site& site) {
  return site.hosts.size() == 1 && !site.hosts[0].starts_with("*.") ? site.hosts[0] : std::string();
}

// Content that is passed on is nobody's memory: it is bounded only where somebody said so.
uint64_t body_limit_of(const conf::Route& route, const conf::LimitSet& limits) {
  const bool streams = std::holds_alternative<conf::ProxyAction>(route.action);
  return streams && limits.origin_of("body").empty() ? UINT64_MAX : limits.values.body;
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
  std::unique_ptr<http::Handler> operator()(const conf::ProxyAction& proxy) const {
    return std::make_unique<handler::proxy::ProxyHandler>(proxy, upstreams, upstream);
  }

  const conf::Route& route;
  handler::FileSite* folder;
  const std::shared_ptr<handler::proxy::Upstream>& upstream;
  net::Loop& loop;
  net::Helpers& helpers;
  const std::shared_ptr<handler::proxy::WorkerUpstreams>& upstreams;
};

}  // namespace

SnapshotRouter::SnapshotRouter(std::shared_ptr<const Snapshot> snapshot, net::Loop& loop,
                               net::Helpers& helpers,
                               std::shared_ptr<handler::proxy::WorkerUpstreams> upstreams,
                               std::vector<uint32_t> numbers, const std::vector<uint16_t>& ports)
    : snapshot_(std::move(snapshot)),
      upstreams_(std::move(upstreams)),
      numbers_(std::move(numbers)),
      unknown_host_(status_for_unknown_hosts(snapshot_->configuration()), "no site has this host"),
      unknown_host_route_{.handler = &unknown_host_,
                          .filters = {},
                          .origin = snapshot_->configuration().unknown_host.origin} {
  for (size_t i = 0; i < snapshot_->sites().size(); ++i) make_site(i, loop, helpers, ports);
}

SnapshotRouter::~SnapshotRouter() = default;

void SnapshotRouter::make_site(size_t index, net::Loop& loop, net::Helpers& helpers,
                               const std::vector<uint16_t>& ports) {
  const conf::Site& site = snapshot_->configuration().sites[index];
  const Snapshot::Site& shared = snapshot_->sites()[index];
  auto made = std::make_unique<Site>();
  if (site.hsts) made->strict_transport = std::make_unique<http::StrictTransport>(*site.hsts);
  const auto filters_of = [&](const std::vector<conf::FieldRule>& rules) {
    std::vector<http::Filter*> filters;
    if (made->strict_transport) filters.push_back(made->strict_transport.get());
    if (rules.empty()) return filters;
    made->field_rules.push_back(std::make_unique<http::FieldRules>(rules));
    filters.push_back(made->field_rules.back().get());
    return filters;
  };
  if (!site.early_hints.empty()) {
    made->early_hints =
        std::make_unique<http::EarlyHints>(site.early_hints, site.early_hints_to_all);
  }
  for (size_t i = 0; i < site.routes.size(); ++i) {
    const conf::Route& route = site.routes[i];
    made->handlers.push_back(std::visit(
        MakeHandler{route, shared.folders[i].get(), shared.upstreams[i], loop, helpers, upstreams_},
        route.action));
    made->routes.push_back({.handler = made->handlers.back().get(),
                            .filters = filters_of(route.fields),
                            .body_limit = body_limit_of(route, site.limits),
                            .limits = &site.limits,
                            .push = site.push,
                            .origin = route.origin});
    // Who is sent elsewhere is hinted there. Last, so that the rules for fields have the last word.
    const bool leads_away = std::holds_alternative<conf::RedirectAction>(route.action);
    if (made->early_hints && !leads_away)
      made->routes.back().filters.push_back(made->early_hints.get());
  }
  made->no_route_route = {.handler = &made->no_route,
                          .filters = filters_of(site.fields),
                          .body_limit = site.limits.values.body,
                          .limits = &site.limits,
                          .origin = site.origin};
  const std::optional<uint16_t> tls_port =
      site.redirect_to_https ? tls_port_of(snapshot_->configuration(), ports, site) : std::nullopt;
  if (tls_port) {
    made->to_https = std::make_unique<handler::HttpsRedirectHandler>(*tls_port, only_host_of(site));
    made->to_https_route = {.handler = made->to_https.get(),
                            .filters = filters_of(site.fields),
                            .body_limit = 0,
                            .limits = &site.limits,
                            .origin = site.origin};
  }
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
  if (search.choice == nullptr) {
    // Opened before a reload that has the listener speak TLS: what it may ask of clients was not
    // asked.
    if (snapshot_->contexts()[*listener]) return misdirected_route_;
    if (sites_[choice.site]->to_https) return sites_[choice.site]->to_https_route;
  } else if (is_misdirected(*listener, head, choice.named, *search.choice)) {
    return misdirected_route_;
  }
  // CONNECT and "OPTIONS *" are about no path, and "**" is no answer to them.
  const http::Route* const found = head.path.starts_with('/') ? next(head, search) : nullptr;
  return found != nullptr ? *found : sites_[search.site]->no_route_route;
}

// Whether the site that the request names would have had the client see another certificate, or
// show one (RFC 9110 section 15.5.20). Who asks by an address, or for a host of nobody, is welcome
// whatever the certificate: health checks do. But the default site, too, is only for those who were
// asked for what it wants to see.
bool SnapshotRouter::is_misdirected(size_t listener, const RequestHead& head, bool named,
                                    const tls::Choice& negotiated) const noexcept {
  const tls::ListenerContext* const context = snapshot_->contexts()[listener].get();
  if (context == nullptr) return true;  // it speaks clear text by now
  if (context->is_only_choice(negotiated)) return false;
  if (!named) return !negotiated.asks_like(context->fallback());
  return !context->takes(negotiated, http::PlainHost(head.authority).view());
}

const http::Route* SnapshotRouter::next(const RequestHead& head, http::RouteSearch& search) {
  const auto match = snapshot_->sites()[search.site].table.find(head.path, search.position);
  if (!match) return nullptr;
  search.position = match->position + 1;
  return &sites_[search.site]->routes[match->route];
}

}  // namespace sluice
