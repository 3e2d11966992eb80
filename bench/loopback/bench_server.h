// What `sluice serve` runs, put together in process with one worker: listener, worker, HTTP
// service, files handler.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "conf/limits.h"
#include "server/handler/files/file_resources.h"
#include "server/handler/files/file_site.h"
#include "server/http/http_service.h"
#include "server/net/helpers.h"
#include "server/net/listen_address.h"
#include "server/net/worker.h"
#include "server/ops/access_log.h"

namespace sluice::bench {

// The path of the control: a request for it costs exactly one operator new, one malloc and one
// getppid more than a response from static memory. A count that does not show them is no count.
inline constexpr const char* kControlPath = "/control";
inline constexpr const char* kControlContent = "control\n";

class BenchServer {
 public:
  BenchServer() = default;
  ~BenchServer();
  BenchServer(const BenchServer&) = delete;
  BenchServer& operator=(const BenchServer&) = delete;

  // Serves `directory` on a free port of 127.0.0.1 with default limits; `access_log` is "off" or a
  // path. `on_worker` is called once on the worker's thread, before it serves. Returns an empty
  // string or what went wrong.
  [[nodiscard]] std::string start(const std::string& directory, const std::string& access_log,
                                  std::function<void()> on_worker);
  uint16_t port() const noexcept { return port_; }
  // How often nghttp2's memory came from the heap so far. Asks the worker, and waits for it.
  uint64_t http2_memory_taken() const;

 private:
  std::string listen();

  // In the order in which each needs the ones before it.
  conf::Limits limits_;
  std::unique_ptr<handler::FileResources> resources_;
  std::unique_ptr<handler::FileSite> site_;
  std::unique_ptr<net::Helpers> helpers_;
  std::unique_ptr<ops::AccessLog> log_;
  ops::WorkerLog* worker_log_ = nullptr;  // of log_
  net::ListenSockets sockets_;
  std::unique_ptr<net::Workers> workers_;
  // Of the only worker; theirs is the longer life than that of any call here.
  net::Loop* loop_ = nullptr;
  const http::HttpService* service_ = nullptr;
  uint16_t port_ = 0;
};

}  // namespace sluice::bench
