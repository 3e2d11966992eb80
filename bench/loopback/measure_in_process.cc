// Server and client in one process: allocations of the worker's thread, and the time it takes.
//
// The worker is let rest before each reading, because it goes on working after the client has the
// last octet.
#include <pthread.h>

#include <chrono>
#include <ctime>
#include <memory>
#include <thread>

#include "bench/loopback/bench_server.h"
#include "bench/loopback/client.h"
#include "bench/loopback/measure.h"

namespace sluice::bench {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRest{30};

// Pages, caches, pools and the socket's buffers have found their size after so many.
constexpr size_t kWarmUp = 2000;

struct Reading {
  uint64_t http2_memory_taken;
  Allocations allocated;
  std::chrono::nanoseconds worker;
};

std::chrono::nanoseconds cpu_time(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// Asking the worker allocates, so that is not within the two readings.
Reading read_before(const BenchServer& server, clockid_t worker_clock) {
  const uint64_t taken = server.http2_memory_taken();
  std::this_thread::sleep_for(kRest);
  return {taken, allocations(), cpu_time(worker_clock)};
}

Reading read_after(const BenchServer& server, clockid_t worker_clock) {
  std::this_thread::sleep_for(kRest);
  const Allocations allocated = allocations();
  const std::chrono::nanoseconds worker = cpu_time(worker_clock);
  return {server.http2_memory_taken(), allocated, worker};
}

std::string warm_up(Client& client, const BenchServer& server, const Workload& workload) {
  if (std::string error = client.connect(server.port()); !error.empty()) return error;
  return client.run(workload, kWarmUp);
}

std::string measure_one(const BenchServer& server, clockid_t worker_clock, const Workload& workload,
                        Figures& figures) {
  const std::unique_ptr<Client> client = make_client(workload);
  if (std::string error = warm_up(*client, server, workload); !error.empty()) return error;
  {
    // A new Date each second is a new entry in each HTTP/2 connection's table of fields (RFC 7541
    // section 2.3.2) until the table is full. A worker that had other connections has their memory
    // for it.
    const std::unique_ptr<Client> other = make_client(workload);
    if (std::string error = warm_up(*other, server, workload); !error.empty()) return error;
  }
  const Reading before = read_before(server, worker_clock);
  const auto begin = std::chrono::steady_clock::now();
  if (std::string error = client->run(workload, figures.requests); !error.empty()) return error;
  const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - begin;
  const Reading after = read_after(server, worker_clock);
  if (workload.version == Version::http2 && after.http2_memory_taken == 0) {
    return "what nghttp2 certainly takes was not counted";
  }
  figures.allocations = after.allocated - before.allocated;
  figures.http2_memory_taken = after.http2_memory_taken - before.http2_memory_taken;
  figures.worker_nanoseconds =
      figures.per_request(static_cast<uint64_t>((after.worker - before.worker).count()));
  figures.round_trip_nanoseconds = figures.per_request(static_cast<uint64_t>(took.count()));
  return {};
}

std::string measure_server(const Place& place, bool logged, const std::vector<Workload>& workloads,
                           std::vector<Figures>& figures) {
  BenchServer server;
  clockid_t worker_clock{};
  std::string error = server.start(place.folder, logged ? place.log : "off", [&worker_clock] {
    pthread_getcpuclockid(pthread_self(), &worker_clock);
    count_allocations_of_this_thread();
  });
  for (size_t i = 0; i < workloads.size() && error.empty(); ++i) {
    if (workloads[i].logged != logged) continue;
    error = measure_one(server, worker_clock, workloads[i], figures[i]);
    if (!error.empty()) error = std::string(workloads[i].name) + ": " + error;
  }
  return error;
}

}  // namespace

std::string measure_in_process(const Place& place, const std::vector<Workload>& workloads,
                               std::vector<Figures>& figures) {
  for (const bool logged : {false, true}) {
    if (std::string error = measure_server(place, logged, workloads, figures); !error.empty()) {
      return error;
    }
  }
  return {};
}

}  // namespace sluice::bench
