// A server behind the proxy, as the whole process sees it: one of these for each target that a
// configuration names, however many routes and workers use it, and through reloads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "conf/configuration.h"
#include "conf/limits.h"
#include "server/handler/proxy/kept_time.h"
#include "server/handler/proxy/retry_budget.h"
#include "server/net/resolver.h"
#include "tls/upstream_context.h"

namespace sluice::handler::proxy {

// Any thread.
class Upstream {
 public:
  Upstream(conf::UpstreamTarget target, std::shared_ptr<net::ResolvedName> name,
           milliseconds idle_timeout)
      : kept_time(idle_timeout), target_(std::move(target)), name_(std::move(name)) {}

  const conf::UpstreamTarget& target() const noexcept { return target_; }
  net::ResolvedName& name() const noexcept { return *name_; }
  // Null in clear text. A reload replaces it, since files may have changed.
  std::shared_ptr<const tls::UpstreamContext> tls() const;
  void set_tls(std::shared_ptr<const tls::UpstreamContext> context);
  // Where in the list of its addresses the next connection begins: they take turns.
  size_t next_turn() noexcept { return turn_.fetch_add(1, std::memory_order_relaxed); }

  RetryBudget budget;
  KeptTime kept_time;
  std::atomic<uint64_t> in_flight{0};  // requests

 private:
  const conf::UpstreamTarget target_;
  const std::shared_ptr<net::ResolvedName> name_;
  mutable std::mutex mutex_;
  std::shared_ptr<const tls::UpstreamContext> tls_;  // guarded by mutex_
  std::atomic<size_t> turn_{0};
};

// All upstreams of the process that somebody uses. Thread: main's.
class Upstreams {
 public:
  // The resolver outlives it.
  Upstreams(net::Resolver& resolver, const conf::Limits& limits)
      : resolver_(resolver), limits_(limits) {}

  // The one for `target`, made when there is none yet. Null when its TLS cannot be had; `problem`
  // then says why.
  std::shared_ptr<Upstream> get(const conf::UpstreamTarget& target, std::string& problem);

 private:
  std::shared_ptr<Upstream> find(const conf::UpstreamTarget& target);
  std::shared_ptr<net::ResolvedName> name_of(const conf::UpstreamTarget& target);

  net::Resolver& resolver_;
  const conf::Limits& limits_;
  std::vector<std::weak_ptr<Upstream>> known_;
};

}  // namespace sluice::handler::proxy
