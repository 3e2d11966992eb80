// The composition root of `sluice serve`: every part is made here, given what it needs, and ended
// in reverse order.
#include "server/serve.h"

#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "protocol/h1/second_opinion.h"
#include "server/handler/files/file_resources.h"
#include "server/handler/files/file_site.h"
#include "server/handler/files/files_handler.h"
#include "server/http/http_service.h"
#include "server/net/helpers.h"
#include "server/net/listen_address.h"
#include "server/net/worker.h"
#include "server/ops/access_log.h"
#include "server/ops/usable_cpus.h"

namespace sluice {
namespace {

using std::chrono::milliseconds;

// Helper threads touch cold files; more of them than a disk has heads gains nothing.
constexpr size_t kHelperThreads = 2;
constexpr size_t kHelperQueue = 1024;
constexpr int kBacklog = 4096;

int fail(const std::string& error) {
  std::fprintf(stderr, "sluice: error: %s\n", error.c_str());
  return 1;
}

// The signals that end us, blocked in every thread; the main thread takes them one by one.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A peer that went away is a return value of send and sendfile, not a reason to end.
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

// Takes as many descriptors as we may have, and divides them: a reserve for what must not fail,
// some for open files, the rest for connections.
void divide_descriptors(conf::Limits& limits) {
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  setrlimit(RLIMIT_NOFILE, &descriptors);
  getrlimit(RLIMIT_NOFILE, &descriptors);
  const uint64_t available = std::min<uint64_t>(descriptors.rlim_cur, 1U << 20);
  limits.open_files = std::min(limits.open_files, available / 8);
  const uint64_t kept = limits.descriptor_reserve + limits.open_files;
  const uint64_t most = available > kept + 16 ? available - kept : 16;
  limits.connections = limits.connections == 0 ? most : std::min(limits.connections, most);
}

// One worker's way from a request to the folder.
class SiteRouter final : public http::Router {
 public:
  SiteRouter(net::Loop& loop, net::Helpers& helpers, handler::FileSite& site,
             const conf::Limits& limits)
      : files_(loop, helpers, site, {}),
        route_{.handler = &files_, .filters = {}, .body_limit = limits.body} {}
  const http::Route& route(const RequestHead&, http::RouteSearch&) override { return route_; }

 private:
  handler::FilesHandler files_;
  http::Route route_;
};

class Server {
 public:
  explicit Server(const ServeOptions& options) : options_(options), limits_(options.limits) {}

  int run() {
    const sigset_t signals = block_signals();
    divide_descriptors(limits_);
    if (const std::string error = start(); !error.empty()) return fail(error);
    announce();
    return end_by(signals);
  }

 private:
  std::string start() {
    if (!h1::strict_mode_works())
      return "this build's llhttp is not strict: compile with LLHTTP_STRICT_MODE=1";
    const size_t count = options_.workers != 0 ? options_.workers : ops::usable_cpus();
    if (std::string error = open_site(); !error.empty()) return error;
    if (std::string error = open_log(); !error.empty()) return error;
    if (std::string error = open_listeners(count); !error.empty()) return error;
    start_workers(count);
    return workers_->start();
  }

  std::string open_site() {
    helpers_ = std::make_unique<net::Helpers>(kHelperThreads, kHelperQueue);
    resources_ = std::make_unique<handler::FileResources>(limits_);
    site_ = std::make_unique<handler::FileSite>(
        handler::FileSite::Options{.directory = options_.directory,
                                   .follow_symlinks = options_.follow_symlinks,
                                   .limits = limits_,
                                   .listing = true},
        *resources_);
    return site_->open();
  }

  std::string open_log() {
    const ops::LogFormat format = options_.log_format == "json"   ? ops::LogFormat::json
                                  : options_.log_format == "text" ? ops::LogFormat::text
                                                                  : ops::LogFormat::auto_;
    return ops::AccessLog::open({.destination = options_.access_log,
                                 .format = format,
                                 .ring_octets = static_cast<size_t>(limits_.log_ring)},
                                log_);
  }

  std::string open_listeners(size_t workers) {
    std::vector<std::string> names = options_.listen;
    if (names.empty()) names.emplace_back("127.0.0.1:8080");
    for (const std::string& name : names) {
      net::ListenAddress address;
      if (std::string error = net::parse_listen_address(name, address); !error.empty())
        return error;
      net::ListenSockets sockets;
      if (std::string error = sockets.open(address, workers, kBacklog); !error.empty())
        return error;
      sockets_.push_back(std::move(sockets));
    }
    return {};
  }

  void start_workers(size_t count) {
    for (size_t i = 0; i < count; ++i) logs_.push_back(log_->make_worker_log());
    const net::WorkerOptions options{
        .listener = {.turn_accept = limits_.turn_accept, .accept_pause = limits_.accept_pause},
        .max_connections = limits_.connections,
        .shutdown_timeout = limits_.shutdown_timeout};
    workers_ = std::make_unique<net::Workers>(
        count, options, [this](size_t worker, net::Loop& loop) -> std::unique_ptr<net::Service> {
          return std::make_unique<http::HttpService>(
              loop, limits_,
              http::ServingRules{
                  .router = Ref<http::Router>(new SiteRouter(loop, *helpers_, *site_, limits_)),
                  .listeners = {Ref<http::ListenerSettings>(
                      new http::ListenerSettings(0, {.values = limits_}))}},
              logs_[worker]);
        });
    for (const net::ListenSockets& sockets : sockets_) {
      for (size_t i = 0; i < count; ++i)
        workers_->listen(i, sockets.descriptor(i), sockets.shared());
    }
  }

  void announce() {
    for (const net::ListenSockets& sockets : sockets_) {
      std::fprintf(stderr, "sluice: listening on %s\n", sockets.url().c_str());
    }
    std::fprintf(stderr, "sluice: ready, serving %s with %zu %s\n", options_.directory.c_str(),
                 workers_->count(), workers_->count() == 1 ? "worker" : "workers");
  }

  // Waits for a signal, and ends as it says.
  int end_by(const sigset_t& signals) {
    int signal = -1;
    while (signal < 0) signal = sigwaitinfo(&signals, nullptr);  // EINTR: stopped and continued
    workers_->stop_accepting();
    sockets_.clear();  // newcomers are refused by the kernel from here on
    if (signal == SIGTERM) {
      std::fprintf(stderr, "sluice: draining; a second SIGTERM stops at once\n");
      workers_->drain();
      drain_until_signal(signals);
    }
    stop_workers();
    log_->close();
    return 0;
  }

  // Helpers post to the workers' loops and look into the site: they end after the workers' threads
  // and before both.
  void stop_workers() {
    workers_->abort();
    while (!workers_->wait(std::chrono::hours(1))) continue;
    helpers_.reset();
    workers_.reset();
  }

  // Returns when the workers ended or another signal came.
  void drain_until_signal(const sigset_t& signals) {
    static constexpr timespec kNow{};
    while (!workers_->wait(milliseconds(20))) {
      if (sigtimedwait(&signals, nullptr, &kNow) > 0) return;
    }
  }

  const ServeOptions& options_;
  conf::Limits limits_;
  // In the order in which each needs the ones before it; destroyed in reverse.
  std::unique_ptr<handler::FileResources> resources_;
  std::unique_ptr<handler::FileSite> site_;
  std::unique_ptr<net::Helpers> helpers_;
  std::unique_ptr<ops::AccessLog> log_;
  std::vector<ops::WorkerLog*> logs_;
  std::vector<net::ListenSockets> sockets_;
  std::unique_ptr<net::Workers> workers_;
};

}  // namespace

int serve(const ServeOptions& options) { return Server(options).run(); }

}  // namespace sluice
