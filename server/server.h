// The running server: every part is made here from a configuration, given what it needs, and ended
// in reverse order. The main thread's loop takes signals and the control socket's commands.
//
// States: serving -> draining -> ended. SIGTERM and `stop` drain, a second SIGTERM and SIGINT end;
// SIGHUP and `reload` read the configuration's file again, or end a server that has none.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "conf/configuration.h"
#include "conf/limits.h"
#include "server/handler/files/file_resources.h"
#include "server/handler/proxy/upstream.h"
#include "server/handler/proxy/worker_upstreams.h"
#include "server/net/helpers.h"
#include "server/net/listener_set.h"
#include "server/net/loop.h"
#include "server/net/resolver.h"
#include "server/net/worker.h"
#include "server/ops/control_commands.h"
#include "server/ops/control_path.h"
#include "server/ops/control_server.h"
#include "server/ops/exchange_logs.h"
#include "server/ops/memory_watch.h"
#include "server/ops/signal_source.h"
#include "server/snapshot.h"
#include "server/tls_upkeep.h"

namespace sluice {

struct ServerOptions {
  std::shared_ptr<const conf::Configuration> configuration;
  std::string file = {};          // what it was read from; empty: there is no file to read again
  ops::ControlPath control = {};  // an empty path: no control socket
  std::string serving;            // for people: "public", "2 sites of sluice.toml"
  bool folders_must_be_there = false;  // a folder that cannot be served is an error, not a warning
};

// Thread: main.
class Server final : private ops::ControlCommands,
                     private ops::SignalReceiver,
                     private net::Timer,
                     private net::Task {
 public:
  // Requires: nothing has started a thread yet.
  explicit Server(ServerOptions options);
  ~Server();

  // Serves until it is told to end. Returns the exit code; what goes wrong is said on standard
  // error.
  int serve();

 private:
  using Numbers = std::vector<uint32_t>;
  using Ports = std::vector<uint16_t>;

  // Beginning.
  std::string start(const sigset_t& signals);
  std::string build_snapshot();
  std::string make_contexts(const conf::Configuration& configuration, ListenerContexts& contexts);
  void make_workers(size_t count);
  void watch_memory();
  void announce() const;

  // What it is told.
  void on_signal(int number) override;
  std::string version() const override;
  ops::Health health() override;
  std::chrono::milliseconds stop() override;
  ops::Reloading reload() override;
  ops::Reloading apply(std::shared_ptr<const conf::Configuration> configuration);
  void distribute(const Snapshot& snapshot, const Numbers& numbers, const Ports& ports);
  bool read_certificates_again();

  // Ending.
  void begin_drain();
  void run() override;       // net::Task: after a turn in which `stop` was asked for
  void on_timer() override;  // while it drains
  void end();

  const ServerOptions options_;
  conf::Limits limits_;  // the process's, with what its descriptors allow
  net::Loop loop_;
  // In the order in which each needs the ones before it; destroyed in reverse.
  std::unique_ptr<handler::FileResources> resources_;
  net::Resolver resolver_;
  handler::proxy::Upstreams upstreams_;
  TlsUpkeep tls_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::unique_ptr<net::Helpers> helpers_;
  ops::ExchangeLogs logs_;
  // One for each worker, for as long as its service holds it.
  std::vector<std::weak_ptr<handler::proxy::WorkerUpstreams>> worker_upstreams_;
  std::unique_ptr<net::ListenerSet> listeners_;
  Numbers numbers_;  // of the snapshot's listeners
  Ports ports_;      // likewise
  std::unique_ptr<net::Workers> workers_;
  std::unique_ptr<ops::MemoryWatch> memory_;
  ops::ControlServer control_;
  ops::SignalSource signals_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  int64_t loaded_ = 0;  // when the configuration was read: seconds since 1970
  bool draining_ = false;
};

}  // namespace sluice
