// One worker with the real files handler, and beside it a handler whose cost is known.
#include "bench/loopback/bench_server.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <future>
#include <new>
#include <string_view>
#include <utility>

#include "server/handler/files/files_handler.h"

namespace sluice::bench {
namespace {

using std::chrono::milliseconds;

class ControlSource final : public BodySource {
 public:
  Pull pull(Chain& out, size_t) override {
    out.append_static(kControlContent);
    return Pull::end;
  }
  std::optional<uint64_t> length() const override {
    return std::string_view(kControlContent).size();
  }
};

// Asks on the worker's thread what only that may read.
class Question final : public net::Mail {
 public:
  Question(const http::HttpService& service, std::promise<uint64_t> answer)
      : service_(service), answer_(std::move(answer)) {}
  void deliver() override { answer_.set_value(service_.http2_memory_taken()); }

 private:
  const http::HttpService& service_;
  std::promise<uint64_t> answer_;
};

// Makes the compiler believe that the memory is used.
void escape(void* memory) { asm volatile("" : : "r"(memory) : "memory"); }

class ControlHandler final : public http::Handler {
 public:
  void start(http::Exchange& exchange) override {
    void* const by_new = ::operator new(24);
    escape(by_new);
    ::operator delete(by_new);
    void* const by_malloc = std::malloc(24);
    escape(by_malloc);
    std::free(by_malloc);
    ::syscall(SYS_getppid);
    exchange.respond(exchange.emplace_source<ControlSource>());
  }
};

class BenchRouter final : public http::Router {
 public:
  BenchRouter(net::Loop& loop, net::Helpers& helpers, handler::FileSite& site)
      : files_(loop, helpers, site, {}) {
    files_route_.handler = &files_;
    control_route_.handler = &control_;
  }
  const http::Route& route(const RequestHead& head, http::RouteSearch&) override {
    return head.path == kControlPath ? control_route_ : files_route_;
  }

 private:
  handler::FilesHandler files_;
  ControlHandler control_;
  http::Route files_route_;
  http::Route control_route_;
};

}  // namespace

BenchServer::~BenchServer() {
  if (!workers_) return;
  workers_->abort();
  while (!workers_->wait(std::chrono::hours(1))) continue;
  helpers_.reset();  // they may post to the worker's loop until they end
  workers_.reset();
  log_->close();
}

std::string BenchServer::start(const std::string& directory, const std::string& access_log,
                               std::function<void()> on_worker) {
  limits_.connections = 100;
  limits_.held_file =
      32 * 1024;  // so that there are rows for what is held and for what goes by sendfile
  resources_ = std::make_unique<handler::FileResources>(limits_);
  site_ = std::make_unique<handler::FileSite>(
      handler::FileSite::Options{.directory = directory, .limits = limits_}, *resources_);
  if (std::string error = site_->open(); !error.empty()) return error;
  helpers_ = std::make_unique<net::Helpers>(2, 1024);
  std::string error = ops::AccessLog::open({.destination = access_log,
                                            .format = ops::LogFormat::json,
                                            .ring_octets = static_cast<size_t>(limits_.log_ring)},
                                           log_);
  if (!error.empty()) return error;
  worker_log_ = log_->make_worker_log();
  if (error = listen(); !error.empty()) return error;
  const net::WorkerOptions options{
      .listener = {.turn_accept = limits_.turn_accept, .accept_pause = limits_.accept_pause},
      .max_connections = limits_.connections,
      .shutdown_timeout = milliseconds(0)};
  workers_ = std::make_unique<net::Workers>(
      1, options, [this, on_worker = std::move(on_worker)](size_t, net::Loop& loop) {
        on_worker();
        auto service = std::make_unique<http::HttpService>(
            std::make_shared<http::WorkerResources>(loop, limits_),
            http::ServingRules{
                .router = Ref<http::Router>(new BenchRouter(loop, *helpers_, *site_)),
                .listeners = {Ref<http::ListenerSettings>(
                    new http::ListenerSettings(0, {.values = limits_}))}},
            worker_log_);
        loop_ = &loop;
        service_ = service.get();
        return service;
      });
  workers_->listen(0, sockets_.descriptor(0), false);
  return workers_->start();
}

uint64_t BenchServer::http2_memory_taken() const {
  std::promise<uint64_t> answer;
  std::future<uint64_t> taken = answer.get_future();
  loop_->post(std::make_unique<Question>(*service_, std::move(answer)));
  return taken.get();
}

std::string BenchServer::listen() {
  net::ListenAddress address;
  if (std::string error = net::parse_listen_address("127.0.0.1:0", address); !error.empty()) {
    return error;
  }
  if (std::string error = sockets_.open(address, 1, 16); !error.empty()) return error;
  const std::string& url = sockets_.url();
  std::from_chars(url.data() + url.rfind(':') + 1, url.data() + url.size(), port_);
  return {};
}

}  // namespace sluice::bench
