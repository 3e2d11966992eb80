// One name's life: looked up, published, looked up again; an SRV name by way of its targets.
//
//     resting --(TTL over, refresh)--> services (SRV only) --> hosts --> published, resting
//
// Invariants:
//   1. What one family or target answers is published at the latest 500 ms after the first answer,
//   and what comes later as it comes: a slow answer holds nobody up.
//   2. A lookup that brings nothing changes the problem, never the addresses.
//   3. Two lookups begin at least `least` apart.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "server/net/host_lookup.h"
#include "server/net/name_search.h"
#include "server/net/published_name.h"
#include "server/net/resolver.h"
#include "server/net/timers.h"

namespace sluice::net {

// What all lookups share; outlives them.
struct LookupTools {
  Loop& loop;
  DnsClient& client;
  HostsFile& hosts;
  const ResolverOptions& options;
  const ResolverLog& log;
  std::mt19937& random;
};

class NameLookupOwner {
 public:
  // Nobody but the resolver holds the name: no lookup follows. The lookup is still running when it
  // says so.
  virtual void on_unused() = 0;

 protected:
  ~NameLookupOwner() = default;
};

// Thread: the loop's.
class NameLookup final : public HostEvents, public NameSearchEvents, public NameRefresher {
 public:
  // The first lookup begins with the next iteration.
  NameLookup(const LookupTools& tools, NameLookupOwner& owner, const std::string& host,
             uint16_t port);
  ~NameLookup();
  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;

  const std::shared_ptr<PublishedName>& name() const noexcept { return name_; }
  bool unused() const noexcept { return name_.use_count() == 1; }

 private:
  enum class Phase : uint8_t { resting, services, hosts };
  class Alarm final : public Timer {
   public:
    Alarm(NameLookup& lookup, void (NameLookup::*action)()) : lookup_(lookup), action_(action) {}
    void on_timer() override { (lookup_.*action_)(); }

   private:
    NameLookup& lookup_;
    void (NameLookup::*action_)();
  };

  void on_host() override;
  void on_search() override;
  void on_refresh() override;

  void begin();
  void begin_services();
  void begin_hosts();
  void take_services();
  void on_waited();
  bool hosts_finished() const noexcept;
  bool some_host_answered() const noexcept;
  std::vector<SocketAddress> addresses() const;
  std::chrono::milliseconds time_to_live() const noexcept;
  void finish_hosts();
  void publish_addresses();
  void fail(const DnsAnswer& failure);
  void rest(std::chrono::milliseconds time);
  void say(const std::string& what) const;

  LookupTools tools_;
  NameLookupOwner& owner_;
  std::string host_;
  std::shared_ptr<PublishedName> name_;
  Phase phase_ = Phase::resting;
  NameSearch service_search_;  // of SRV names only
  // What is connected to: of a plain name itself, of an SRV name its targets in the order to try.
  std::vector<SrvRecord> targets_;
  std::map<std::string, std::unique_ptr<HostLookup>> hosts_;  // by target
  Time began_{};
  bool waited_ = false;   // the slow ones had their time
  bool failing_ = false;  // and the log knows
  Alarm next_{*this, &NameLookup::begin};
  Alarm slow_{*this, &NameLookup::on_waited};
};

}  // namespace sluice::net
