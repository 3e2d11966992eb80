// The names that are looked up, and for how long.
#include "server/net/resolver.h"

#include <map>
#include <random>
#include <utility>

#include "server/net/name_lookup.h"

namespace sluice::net {

// It is a task because a lookup nobody needs cannot be destroyed from within itself.
struct Resolver::State final : Task, NameLookupOwner {
  State(Loop& own_loop, ResolverOptions own_options, ResolverLog own_log)
      : loop(own_loop),
        options(std::move(own_options)),
        log(std::move(own_log)),
        client(loop, options.configuration_file),
        hosts(options.hosts_file) {}
  ~State() { loop.forget(*this); }

  void on_unused() override { loop.wake(*this); }
  void run() override {
    std::erase_if(lookups, [](const auto& entry) { return entry.second->unused(); });
  }

  Loop& loop;
  const ResolverOptions options;
  const ResolverLog log;
  DnsClient client;
  HostsFile hosts;
  std::mt19937 random{std::random_device{}()};  // lots of SRV: nobody gains by foreseeing them
  std::map<std::pair<std::string, uint16_t>, std::unique_ptr<NameLookup>> lookups;
};

Resolver::Resolver(Loop& loop, ResolverOptions options, ResolverLog log)
    : state_(std::make_unique<State>(loop, std::move(options), std::move(log))) {}

Resolver::~Resolver() = default;

std::shared_ptr<ResolvedName> Resolver::resolve(const std::string& host, uint16_t port) {
  if (const auto address = SocketAddress::parse(host, port)) return fixed_address(*address);
  const uint16_t known_port = host.starts_with('_') ? uint16_t{0} : port;
  auto& lookup = state_->lookups[{host, known_port}];
  if (lookup == nullptr) {
    const LookupTools tools{state_->loop,    state_->client, state_->hosts,
                            state_->options, state_->log,    state_->random};
    lookup = std::make_unique<NameLookup>(tools, *state_, host, port);
  }
  return lookup->name();
}

}  // namespace sluice::net
