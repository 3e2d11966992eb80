// One worker's way from a request to a handler, made from a snapshot: the host chooses the site,
// the path the route.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "server/handler/files/error_pages.h"
#include "server/handler/files/files_handler.h"
#include "server/handler/status.h"
#include "server/http/field_rules.h"
#include "server/http/handler.h"
#include "server/http/router.h"
#include "server/net/helpers.h"
#include "server/net/loop.h"
#include "server/snapshot.h"

namespace sluice {

// Pins its snapshot. Thread: the worker's.
class SnapshotRouter final : public http::Router {
 public:
  // `numbers`, `ports`: as Snapshot::make_rules has them.
  SnapshotRouter(std::shared_ptr<const Snapshot> snapshot, net::Loop& loop, net::Helpers& helpers,
                 std::shared_ptr<handler::proxy::WorkerUpstreams> upstreams,
                 std::vector<uint32_t> numbers, const std::vector<uint16_t>& ports = {});
  ~SnapshotRouter() override;

  const http::Route& route(const RequestHead& head, http::RouteSearch& search) override;
  const http::Route* next(const RequestHead& head, http::RouteSearch& search) override;

 private:
  struct Site;

  std::optional<size_t> index_of(uint32_t listener) const noexcept;
  bool is_misdirected(size_t listener, const RequestHead& head, bool named,
                      const tls::Choice& negotiated) const noexcept;
  void make_site(size_t index, net::Loop& loop, net::Helpers& helpers,
                 const std::vector<uint16_t>& ports);

  const std::shared_ptr<const Snapshot> snapshot_;
  const std::shared_ptr<handler::proxy::WorkerUpstreams> upstreams_;
  const std::vector<uint32_t> numbers_;
  std::vector<std::unique_ptr<Site>> sites_;
  handler::StatusHandler unknown_host_;
  http::Route unknown_host_route_;
  handler::StatusHandler listener_gone_{421, "the listener is not configured any more"};
  const http::Route listener_gone_route_{.handler = &listener_gone_, .filters = {}};
  handler::StatusHandler misdirected_{421, "the host is not one that this TLS connection is for"};
  const http::Route misdirected_route_{.handler = &misdirected_, .filters = {}};
};

}  // namespace sluice
