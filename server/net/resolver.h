// Names of upstreams, looked up by c-ares: never blocking, by one resolver for the whole process,
// so that all workers see the same addresses and the name server is asked once.
//
// Invariants:
//   1. What is known of a name is an immutable Resolution, replaced whole; its generation grows.
//   2. A failed lookup takes nothing away: the addresses known stay until an answer says otherwise.
//   3. A name is looked up again when its TTL is over, clamped to resolve_least .. resolve_most;
//   and when somebody could not connect, but not before resolve_least is over.
//   4. /etc/hosts and /etc/resolv.conf are read again when they have changed.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/net/loop.h"
#include "server/net/socket_address.h"

namespace sluice::net {

// Immutable. Any thread.
struct Resolution {
  // In the order in which to try them (RFC 8305 section 4: families interleaved, IPv6 first; SRV
  // by priority and weight). Empty: the name has none, or nothing was answered yet.
  std::vector<SocketAddress> addresses;
  // What went wrong with the last lookup, for people: "no such name (NXDOMAIN)"; empty: nothing.
  std::string problem;
  // RFC 9209 section 2.3: "dns_error" or "dns_timeout"; empty with an empty problem. Static.
  std::string_view error;
};

// One name and port, as all workers see it. Any thread, except where it says otherwise. Outlives
// the resolver: it then stays as it is.
class ResolvedName {
 public:
  // While it lives, `task` is woken on its loop whenever the name's generation has changed. Made
  // and destroyed on the loop's thread; the loop and the task outlive it.
  class Subscription {
   public:
    virtual ~Subscription() = default;
  };

  virtual ~ResolvedName() = default;

  // Grows with each change of the addresses, and with the first outcome of a lookup, good or bad;
  // 0: there was none yet. One acquire load.
  virtual uint64_t generation() const noexcept = 0;
  // What is known now. Never null.
  virtual std::shared_ptr<const Resolution> resolution() const = 0;
  // Look it up again soon: a connection to what is known could not be made.
  virtual void refresh() = 0;
  virtual std::unique_ptr<Subscription> subscribe(Loop& loop, Task& task) = 0;
};

// A name that is none: an address, or a Unix socket. Its generation is 1 for good.
std::shared_ptr<ResolvedName> fixed_address(const SocketAddress& address);

struct ResolverOptions {
  std::chrono::milliseconds least{1'000};  // Limits::resolve_least
  std::chrono::milliseconds most{10'000};  // Limits::resolve_most
  std::string hosts_file = "/etc/hosts";
  std::string configuration_file = "/etc/resolv.conf";
};

// Hears one line, without a line feed, from the resolver's thread.
using ResolverLog = std::function<void(const std::string& line)>;

// Thread: the loop's (resolve() too). The loop outlives it.
class Resolver {
 public:
  // `log` may be empty.
  Resolver(Loop& loop, ResolverOptions options, ResolverLog log);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Begins to look `host` up, and goes on for as long as somebody else than the resolver holds the
  // result; the same host and port give the same object. A numeric address gives fixed_address(); a
  // host that begins with '_' is looked up as SRV (RFC 2782), and `port` is ignored. What goes
  // wrong and what recovers is said once to `log`, one line each ("upstream name 'app': no such
  // name (NXDOMAIN)").
  std::shared_ptr<ResolvedName> resolve(const std::string& host, uint16_t port);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::net
