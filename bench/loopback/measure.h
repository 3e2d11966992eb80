// The two measurements of each workload: in this process with its allocations counted, and in a
// forked one whose system calls are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/loopback/allocation_count.h"
#include "bench/loopback/syscall_trace.h"
#include "bench/loopback/workload.h"

namespace sluice::bench {

struct Figures {
  uint64_t requests = 0;  // in each of the two measurements
  Allocations allocations;
  uint64_t http2_memory_taken = 0;    // of these, those of nghttp2's that no free list served
  double worker_nanoseconds = 0;      // CPU time of the worker's thread per request
  double round_trip_nanoseconds = 0;  // seen by the client, its checking included
  CallCounts calls;
  double seconds_of_calls = 0;  // how long these were counted

  double per_request(uint64_t count) const {
    return static_cast<double>(count) / static_cast<double>(requests);
  }
  uint64_t all_calls() const {
    uint64_t sum = 0;
    for (const auto& [number, count] : calls) sum += count;
    return sum;
  }
  uint64_t calls_named(const std::string& name) const {
    uint64_t sum = 0;
    for (const auto& [number, count] : calls) sum += name_of_call(number) == name ? count : 0;
    return sum;
  }
};

// Where the server finds its files and writes its log.
struct Place {
  std::string folder;
  std::string log;  // a path
};

// Counts in this process, after warming each connection up. Fills `figures`, which has an entry for
// each workload. Returns an empty string or what went wrong (a wrong response, above all).
[[nodiscard]] std::string measure_in_process(const Place& place,
                                             const std::vector<Workload>& workloads,
                                             std::vector<Figures>& figures);

// The same for system calls, in a child. Requires: the process has no other thread.
[[nodiscard]] std::string measure_system_calls(const Place& place,
                                               const std::vector<Workload>& workloads,
                                               std::vector<Figures>& figures);

}  // namespace sluice::bench
