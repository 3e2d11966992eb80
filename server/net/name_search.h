// One host, asked for at the name servers: several types at once, under each of the full names that
// it may stand for until one has an answer (resolv.conf(5): search, ndots).
//
// The types go through the list together, so that a host's IPv4 address is never one of "app" in
// one domain and its IPv6 address one of "app" in another. A name server that fails with SERVFAIL
// does not end the search, as with glibc; one that is silent does.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "server/net/dns_client.h"

namespace sluice::net {

class NameSearchEvents {
 public:
  // One more type has been answered, or the search is over. Never from within start().
  virtual void on_search() = 0;

 protected:
  ~NameSearchEvents() = default;
};

// Thread: the loop's.
class NameSearch final : private DnsReceiver {
 public:
  // `client` and `events` outlive it. At most two types.
  NameSearch(DnsClient& client, std::string host, std::initializer_list<DnsType> types,
             NameSearchEvents& events);
  ~NameSearch() { client_.forget(*this); }
  NameSearch(const NameSearch&) = delete;
  NameSearch& operator=(const NameSearch&) = delete;

  // Requires: not running.
  void start();
  bool finished() const noexcept { return waiting_ == 0; }
  // Some type has an answer with something in it.
  bool answered() const noexcept;
  // What was answered to the type that was given `index`th; nothing: it is waited for.
  const std::optional<DnsAnswer>& answer(size_t index) const noexcept { return answers_[index]; }
  // Of the answers with nothing in them the one that says most. Requires: finished, not answered.
  const DnsAnswer& failure() const noexcept { return failure_; }

 private:
  void on_answer(DnsType type, DnsAnswer answer) override;
  void ask_next();
  bool may_go_on() const noexcept;
  void note_failures();

  DnsClient& client_;
  std::string host_;
  std::vector<DnsType> types_;
  NameSearchEvents& events_;
  std::vector<std::string> names_;
  size_t next_name_ = 0;
  size_t waiting_ = 0;
  std::array<std::optional<DnsAnswer>, 2> answers_;
  DnsAnswer failure_;
};

}  // namespace sluice::net
