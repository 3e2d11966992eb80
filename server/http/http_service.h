// The HTTP side of a worker: turns accepted sockets into connections.
#pragma once

#include <memory>

#include "conf/limits.h"
#include "server/http/exchange_record.h"
#include "server/http/router.h"
#include "server/http/server_context.h"
#include "server/net/worker.h"

namespace sluice::http {

// Thread: the worker's. Owns the router, which owns or refers to handlers; the log outlives it.
class HttpService final : public net::Service {
 public:
  HttpService(net::Loop& loop, const conf::Limits& limits, std::unique_ptr<Router> router,
              ExchangeLog* log);
  ~HttpService() override;

  void serve(net::AcceptedSocket socket) override;
  void turn_away(net::AcceptedSocket socket) override;
  void shed_idle(size_t count) override { context_.shed_idle(count); }
  void drain() override { context_.start_draining(); }
  void abort_all() override { context_.abort_all("server stopped"); }
  size_t connections() const override { return context_.connections(); }

 private:
  std::unique_ptr<Router> router_;
  ServerContext context_;
};

}  // namespace sluice::http
