// What the client asks for, what it must get, and what that may cost.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/loopback/bench_server.h"
#include "server/handler/files/content_tag.h"

namespace sluice::bench {

enum class Version { http1, http2 };

// Whether each response goes by sendfile: a figure that says so has to be one.
enum class Sendfile { never, each, any };

struct Workload {
  std::string_view name;   // key in JSON
  std::string_view title;  // for people
  std::string path;
  std::string content;      // each response is compared with it: the file, or what was asked of it
  std::string fields = {};  // of the request, each with its line's end
  std::string_view status = "200 OK";  // without content when it is 304
  bool control = false;                // its cost is known: see bench_server.h
  bool head_request = false;
  bool logged = false;  // to a file, as JSON
  Version version = Version::http1;
  size_t pipeline = 1;                     // requests in one write, over HTTP/2 all in flight
  std::optional<double> most_allocations;  // targets, per request; none: reported only
  std::optional<double> most_system_calls;
  Sendfile sendfile = Sendfile::never;

  std::string request() const {
    const std::string method = head_request ? "HEAD " : "GET ";
    return method + path + " HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: loopback\r\n" +
           fields + "\r\n";
  }
  bool has_content() const { return !head_request && status != kNotModified; }

  static constexpr std::string_view kNotModified = "304 Not Modified";
  static constexpr std::string_view kPartial = "206 Partial Content";
};

// Requests in flight on an HTTP/2 connection (issue 5, "Speed").
inline constexpr size_t kStreams = 32;
// The system calls of such a batch: wait, receive, send, and two for when it comes in two parts.
inline constexpr double kBatchCalls = 5;

// Where the large content stands in a file that is otherwise a hole.
inline constexpr uint64_t kPartBegin = 512 << 20;
inline std::string part_of_huge(const std::string& large) {
  return "Range: bytes=" + std::to_string(kPartBegin) + "-" +
         std::to_string(kPartBegin + large.size() - 1) + "\r\n";
}

// The workloads of the tables in issues 2, 3 and 5, and some beside them for orientation.
// long: a table
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
      {.name = "not_modified_1k",
       .title = "304 for the 1 KiB file",
       .path = "/1k.bin",
       .content = {},
       .fields = "If-None-Match: " + std::string(handler::tag_of(held).view()) + "\r\n",
       .status = Workload::kNotModified,
       .most_allocations = 0,
       .most_system_calls = 3},
      {.name = "range_of_1k",
       .title = "range of the 1 KiB file",
       .path = "/1k.bin",
       .content = held.substr(100, 500),
       .fields = "Range: bytes=100-599\r\n",
       .status = Workload::kPartial,
       .most_allocations = 0,
       .most_system_calls = 3},
      {.name = "range_of_1g",
       .title = "64 KiB range of 1 GiB, sendfile",
       .path = "/1g.bin",
       .content = large,
       .fields = part_of_huge(large),
       .status = Workload::kPartial,
       .most_allocations = 0,
       .most_system_calls = 4,
       .sendfile = Sendfile::each},
      {.name = "pipelined_1k",
       .title = "1 KiB file, pipelined by 16",
       .path = "/1k.bin",
       .content = held,
       .pipeline = 16,
       .most_allocations = 0},
      {.name = "pipelined_304",
       .title = "304 for the 1 KiB file, pipelined by 16",
       .path = "/1k.bin",
       .content = {},
       .fields = "If-None-Match: " + std::string(handler::tag_of(held).view()) + "\r\n",
       .status = Workload::kNotModified,
       .pipeline = 16,
       .most_allocations = 0},
      {.name = "pipelined_64k",
       .title = "64 KiB file, pipelined by 16",
       .path = "/64k.bin",
       .content = large,
       .pipeline = 16,
       .most_allocations = 0,
       .sendfile = Sendfile::any},
      {.name = "h2_control",
       .title = "HTTP/2: control",
       .path = kControlPath,
       .content = kControlContent,
       .control = true,
       .version = Version::http2},
      {.name = "h2_1k",
       .title = "HTTP/2: 1 KiB file, one stream",
       .path = "/1k.bin",
       .content = held,
       .version = Version::http2,
       .most_allocations = 0,
       .most_system_calls = 3},
      {.name = "h2_32_1k",
       .title = "HTTP/2: 1 KiB file, 32 streams",
       .path = "/1k.bin",
       .content = held,
       .version = Version::http2,
       .pipeline = kStreams,
       .most_allocations = 0,
       .most_system_calls = kBatchCalls / kStreams},
      {.name = "h2_32_304",
       .title = "HTTP/2: 304 for the 1 KiB file, 32 streams",
       .path = "/1k.bin",
       .content = {},
       .fields = "if-none-match: " + std::string(handler::tag_of(held).view()) + "\r\n",
       .status = Workload::kNotModified,
       .version = Version::http2,
       .pipeline = kStreams,
       .most_allocations = 0,
       .most_system_calls = kBatchCalls / kStreams},
      {.name = "h2_32_head",
       .title = "HTTP/2: HEAD of the 1 KiB file, 32 streams",
       .path = "/1k.bin",
       .content = held,
       .head_request = true,
       .version = Version::http2,
       .pipeline = kStreams,
       .most_allocations = 0,
       .most_system_calls = kBatchCalls / kStreams},
      {.name = "h2_8_64k",
       .title = "HTTP/2: 64 KiB file, 8 streams",
       .path = "/64k.bin",
       .content = large,
       .version = Version::http2,
       .pipeline = 8,
       .most_allocations = 0,
       .most_system_calls = 9,  // two for each DATA frame of 16 KiB, its head and its octets
       .sendfile = Sendfile::each},
      {.name = "h2_100_1k",
       .title = "HTTP/2: 1 KiB file, 100 streams",
       .path = "/1k.bin",
       .content = held,
       .version = Version::http2,
       .pipeline = 100,
       .most_allocations = 0,
       .most_system_calls = kBatchCalls / kStreams},
      {.name = "h2_32_logged",
       .title = "HTTP/2: 1 KiB file, 32 streams, JSON access log",
       .path = "/1k.bin",
       .content = held,
       .logged = true,
       .version = Version::http2,
       .pipeline = kStreams,
       .most_allocations = 0,
       .most_system_calls = kBatchCalls / kStreams},
      {.name = "logged_1k",
       .title = "1 KiB file, JSON access log",
       .path = "/1k.bin",
       .content = held,
       .logged = true,
       .most_allocations = 0},
  };
}

}  // namespace sluice::bench
