// The phases of a lookup, and what is published when.
#include "server/net/name_lookup.h"

#include <algorithm>
#include <utility>

#include "server/net/srv_order.h"

namespace sluice::net {

namespace {

using std::chrono::milliseconds;

// What the slow family or target is waited for once there is something to connect to. RFC 8305
// section 3 says 50 ms for IPv6; but an answer that changes twice costs more than a first
// connection that waits, once.
constexpr milliseconds kSlowAnswer{500};

bool is_service(const std::string& host) noexcept { return host.starts_with('_'); }

std::string listed(const std::vector<SocketAddress>& addresses) {
  std::string text;
  for (const SocketAddress& address : addresses) {
    text += (text.empty() ? "" : ", ") + address.text();
  }
  return text;
}

// A set's order is changed by many name servers with each answer; for us that is no news, and to
// begin anew at another address would be. The new order counts when the set is another.
bool same_set(const std::vector<SocketAddress>& one, const std::vector<SocketAddress>& other) {
  return std::is_permutation(one.begin(), one.end(), other.begin(), other.end());
}

}  // namespace

NameLookup::NameLookup(const LookupTools& tools, NameLookupOwner& owner, const std::string& host,
                       uint16_t port)
    : tools_(tools),
      owner_(owner),
      host_(host),
      name_(std::make_shared<PublishedName>(&tools.loop, this)),
      service_search_(tools.client, host, {DnsType::srv}, *this) {
  if (!is_service(host)) {
    targets_.push_back({.target = host, .port = port});
    hosts_[host] = std::make_unique<HostLookup>(tools.client, tools.hosts, host, *this);
  }
  tools_.loop.timers().set(next_, tools_.loop.now());
}

NameLookup::~NameLookup() { name_->close(); }

void NameLookup::begin() {
  if (unused()) return owner_.on_unused();
  began_ = tools_.loop.now();
  waited_ = false;
  if (is_service(host_)) {
    begin_services();
  } else {
    begin_hosts();
  }
}

void NameLookup::begin_services() {
  phase_ = Phase::services;
  service_search_.start();
}

void NameLookup::on_search() {
  if (!service_search_.finished()) return;
  if (!service_search_.answered()) return fail(service_search_.failure());
  take_services();
  begin_hosts();
}

// Targets that are named again keep what is known of them. A target is a full name: no search list
// applies to it.
void NameLookup::take_services() {
  targets_ = service_search_.answer(0)->services;
  order_services(targets_, tools_.random);
  std::map<std::string, std::unique_ptr<HostLookup>> hosts;
  for (const SrvRecord& record : targets_) {
    auto& host = hosts[record.target];
    if (host == nullptr) host = std::move(hosts_[record.target]);
    if (host != nullptr) continue;
    host = std::make_unique<HostLookup>(tools_.client, tools_.hosts, record.target + ".", *this);
  }
  hosts_ = std::move(hosts);
}

void NameLookup::begin_hosts() {
  phase_ = Phase::hosts;
  for (const auto& [target, host] : hosts_) host->start();
  if (hosts_finished()) finish_hosts();
}

void NameLookup::on_host() {
  if (hosts_finished()) return finish_hosts();
  if (!some_host_answered()) return;
  if (waited_) return publish_addresses();
  if (!slow_.armed()) tools_.loop.timers().set(slow_, tools_.loop.now() + kSlowAnswer);
}

void NameLookup::on_waited() {
  waited_ = true;
  publish_addresses();
}

bool NameLookup::hosts_finished() const noexcept {
  return std::all_of(hosts_.begin(), hosts_.end(),
                     [](const auto& entry) { return entry.second->finished(); });
}

bool NameLookup::some_host_answered() const noexcept {
  return std::any_of(hosts_.begin(), hosts_.end(),
                     [](const auto& entry) { return entry.second->answered(); });
}

void NameLookup::finish_hosts() {
  tools_.loop.timers().cancel(slow_);
  if (some_host_answered()) {
    publish_addresses();
    return rest(time_to_live());
  }
  const auto& worst =
      std::max_element(hosts_.begin(), hosts_.end(), [](const auto& one, const auto& other) {
        return one.second->failure().outcome < other.second->failure().outcome;
      });
  fail(worst->second->failure());
}

std::vector<SocketAddress> NameLookup::addresses() const {
  std::vector<SocketAddress> made;
  for (const SrvRecord& record : targets_) {
    for (const SocketAddress& known : hosts_.at(record.target)->addresses()) {
      const SocketAddress address = with_port(known, record.port);
      const bool twice = std::find(made.begin(), made.end(), address) != made.end();
      if (!twice && made.size() < kMostRecords) made.push_back(address);
    }
  }
  return made;
}

void NameLookup::publish_addresses() {
  Resolution made{.addresses = addresses()};
  const auto known = name_->resolution();
  if (!is_service(host_) && same_set(made.addresses, known->addresses)) {
    made.addresses = known->addresses;
  }
  if (std::exchange(failing_, false)) say("resolved again: " + listed(made.addresses));
  name_->publish(std::move(made));
}

void NameLookup::fail(const DnsAnswer& failure) {
  Resolution made{.addresses = name_->resolution()->addresses, .problem = failure.problem};
  const bool silent = failure.outcome == DnsAnswer::Outcome::timed_out;
  made.error = silent ? "dns_timeout" : "dns_error";
  if (!std::exchange(failing_, true)) {
    const std::string still = listed(made.addresses);
    say(made.problem + (still.empty() ? "" : "; still used: " + still));
  }
  name_->publish(std::move(made));
  rest(milliseconds(0));
}

milliseconds NameLookup::time_to_live() const noexcept {
  auto least = std::chrono::seconds::max();
  for (const auto& [target, host] : hosts_) {
    if (host->answered()) least = std::min(least, host->ttl());
  }
  return std::min<std::chrono::seconds>(least, std::chrono::hours(24));
}

void NameLookup::rest(milliseconds time) {
  phase_ = Phase::resting;
  const milliseconds held = std::clamp(time, tools_.options.least, tools_.options.most);
  tools_.loop.timers().set(next_, std::max(tools_.loop.now(), began_) + held);
}

void NameLookup::on_refresh() {
  if (phase_ != Phase::resting) return;  // an answer is on its way
  const Time soon = std::max(tools_.loop.now(), began_ + tools_.options.least);
  if (soon < next_.deadline()) tools_.loop.timers().set(next_, soon);
}

void NameLookup::say(const std::string& what) const {
  if (tools_.log) tools_.log("upstream name '" + host_ + "': " + what);
}

}  // namespace sluice::net
