// What the client asks for, what it must get, and what that may cost.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/loopback/bench_server.h"

namespace sluice::bench {

// Whether each response goes by sendfile: a figure that says so has to be one.
enum class Sendfile { never, each, any };

struct Workload {
  std::string_view name;   // key in JSON
  std::string_view title;  // for people
  std::string path;
  std::string content;   // what the file holds: each response is compared with it
  bool control = false;  // its cost is known: see bench_server.h
  bool head_request = false;
  bool logged = false;                     // to a file, as JSON
  size_t pipeline = 1;                     // requests in one write
  std::optional<double> most_allocations;  // targets, per request; none: reported only
  std::optional<double> most_system_calls;
  Sendfile sendfile = Sendfile::never;

  std::string request() const {
    const std::string method = head_request ? "HEAD " : "GET ";
    return method + path + " HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: loopback\r\n\r\n";
  }
};

// The workloads of issue 2's table, and some beside them for orientation.
inline std::vector<Workload> workloads(const std::string& held, const std::string& large) {
  return {
      {.name = "control",
       .title = "control: 1 new, 1 malloc, 1 getppid",
       .path = kControlPath,
       .content = kControlContent,
       .control = true},
      {.name = "held_1k",
       .title = "1 KiB file, held",
       .path = "/1k.bin",
       .content = held,
       .most_allocations = 0,
       .most_system_calls = 3},
      {.name = "sendfile_64k",
       .title = "64 KiB file, sendfile",
       .path = "/64k.bin",
       .content = large,
       .most_allocations = 0,
       .most_system_calls = 4,
       .sendfile = Sendfile::each},
      {.name = "head_1k",
       .title = "HEAD of the 1 KiB file",
       .path = "/1k.bin",
       .content = held,
       .head_request = true,
       .most_allocations = 0,
       .most_system_calls = 3},
      {.name = "pipelined_1k",
       .title = "1 KiB file, pipelined by 16",
       .path = "/1k.bin",
       .content = held,
       .pipeline = 16,
       .most_allocations = 0},
      {.name = "pipelined_64k",
       .title = "64 KiB file, pipelined by 16",
       .path = "/64k.bin",
       .content = large,
       .pipeline = 16,
       .most_allocations = 0,
       .sendfile = Sendfile::any},
      {.name = "logged_1k",
       .title = "1 KiB file, JSON access log",
       .path = "/1k.bin",
       .content = held,
       .logged = true,
       .most_allocations = 0},
  };
}

}  // namespace sluice::bench
