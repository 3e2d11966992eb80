// c-ares on our loop: questions to the name servers of resolv.conf, and their answers.
//
// c-ares owns its sockets and says what it waits for. They are watched edge-triggered like all
// others, but it reads one piece at a time and may leave octets behind; so an event only wakes the
// client, which asks poll(2) what is ready until nothing is.
//
// Invariants:
//   1. An answer is delivered from the loop, never from within ask(): who is told may ask again,
//   forget, or be destroyed.
//   2. resolv.conf is read anew when it has changed; questions under way are then put to the
//   servers it names now.
//   3. A question ends: each server is asked twice, for 1 s and for 2 s.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/net/dns_message.h"
#include "server/net/loop.h"

namespace sluice::net {

class DnsReceiver {
 public:
  virtual void on_answer(DnsType type, DnsAnswer answer) = 0;

 protected:
  ~DnsReceiver() = default;  // forgets its questions first
};

// Thread: the loop's, which outlives it.
class DnsClient {
 public:
  DnsClient(Loop& loop, std::string configuration_file);
  ~DnsClient();
  DnsClient(const DnsClient&) = delete;
  DnsClient& operator=(const DnsClient&) = delete;

  // The full names that `host` may stand for, in the order in which to ask for them
  // (resolv.conf(5): search, ndots). A dot at the end of `host` says that it is one already.
  std::vector<std::string> full_names(const std::string& host);
  // Asks for exactly this name. `receiver` hears one answer, unless it forgets the question.
  void ask(const std::string& full_name, DnsType type, DnsReceiver& receiver);
  void forget(const DnsReceiver& receiver) noexcept;

 private:
  class Channel;
  std::unique_ptr<Channel> channel_;
  Loop& loop_;
};

// The list of servers for ares_set_servers_ports_csv when a nameserver line of this resolv.conf
// names a port, "nameserver [127.0.0.1]:5353" (OpenBSD's form; c-ares 1.18 reads none by itself);
// empty when none does.
std::string servers_with_ports(const std::string& text);

}  // namespace sluice::net
