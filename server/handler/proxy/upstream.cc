// Finding an upstream that is there already, or making one.
#include "server/handler/proxy/upstream.h"

#include <utility>

namespace sluice::handler::proxy {

std::shared_ptr<const tls::UpstreamContext> Upstream::tls() const {
  const std::lock_guard lock(mutex_);
  return tls_;
}

void Upstream::set_tls(std::shared_ptr<const tls::UpstreamContext> context) {
  const std::lock_guard lock(mutex_);
  tls_ = std::move(context);
}

std::shared_ptr<Upstream> Upstreams::get(const conf::UpstreamTarget& target, std::string& problem) {
  std::shared_ptr<const tls::UpstreamContext> context;
  if (target.tls) {
    context = tls::UpstreamContext::make(target, problem);
    if (!context) return nullptr;
  }
  std::shared_ptr<Upstream> upstream = find(target);
  if (!upstream) {
    upstream = std::make_shared<Upstream>(target, name_of(target), limits_.upstream_idle_timeout);
    known_.push_back(upstream);
  }
  upstream->set_tls(std::move(context));
  return upstream;
}

std::shared_ptr<Upstream> Upstreams::find(const conf::UpstreamTarget& target) {
  std::erase_if(known_, [](const auto& one) { return one.expired(); });
  for (const std::weak_ptr<Upstream>& one : known_) {
    std::shared_ptr<Upstream> upstream = one.lock();
    if (upstream && upstream->target() == target) return upstream;
  }
  return nullptr;
}

// A path that is too long for a socket was refused with the configuration.
std::shared_ptr<net::ResolvedName> Upstreams::name_of(const conf::UpstreamTarget& target) {
  if (target.host.empty()) return net::fixed_address(*net::SocketAddress::of_path(target.path));
  return resolver_.resolve(target.host, target.port);
}

}  // namespace sluice::handler::proxy
