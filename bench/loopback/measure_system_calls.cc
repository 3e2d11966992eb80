// A server in a forked process, traced by this thread, while another one is its client.
//
// The child waits before it makes any thread until it is traced, and ends when the parent closes
// its pipe.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>

#include "bench/loopback/bench_server.h"
#include "bench/loopback/client.h"
#include "bench/loopback/measure.h"
#include "server/net/descriptor.h"

namespace sluice::bench {
namespace {

using net::Descriptor;

constexpr size_t kWarmUp = 500;

// What the child tells when it serves.
struct Hello {
  pid_t worker;
  uint16_t port;
};

struct Pipe {
  Descriptor out;  // to read from
  Descriptor in;   // to write to
};

bool make_pipe(Pipe& pipe) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
  pipe.out = Descriptor(ends[0]);
  pipe.in = Descriptor(ends[1]);
  return true;
}

// The child's whole life. Returns its exit code.
int serve_until_closed(const Place& place, bool logged, int orders, int answers) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  char order = 0;
  if (::read(orders, &order, 1) != 1) return 1;
  Hello hello{};
  BenchServer server;
  const std::string error = server.start(place.folder, logged ? place.log : "off", [&hello] {
    hello.worker = static_cast<pid_t>(::syscall(SYS_gettid));
  });
  if (!error.empty()) {
    std::fprintf(stderr, "loopback: the traced server: %s\n", error.c_str());
    return 1;
  }
  hello.port = server.port();
  if (::write(answers, &hello, sizeof hello) != sizeof hello) return 1;
  while (::read(orders, &order, 1) > 0) continue;
  return 0;
}

std::string count_one(SyscallTrace& trace, uint16_t port, const Workload& workload,
                      Figures& figures) {
  static const std::string kRestless = "the worker does not come to rest in epoll_wait";
  const std::unique_ptr<Client> client = make_client(workload);
  if (std::string error = client->connect(port); !error.empty()) return error;
  if (std::string error = client->run(workload, kWarmUp); !error.empty()) return error;
  if (!trace.wait_until_asleep()) return kRestless;
  trace.open_window();
  const auto begin = std::chrono::steady_clock::now();
  if (std::string error = client->run(workload, figures.requests); !error.empty()) return error;
  if (!trace.wait_until_asleep()) return kRestless;
  figures.calls = trace.close_window();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  figures.seconds_of_calls = took.count();
  return {};
}

// The client's thread: says go, asks for everything, and says stop by closing the pipe.
std::string drive(SyscallTrace& trace, bool logged, Descriptor orders, Descriptor answers,
                  const std::vector<Workload>& workloads, std::vector<Figures>& figures) {
  Hello hello{};
  if (::write(orders.get(), "g", 1) != 1) return "the traced server is gone";
  if (::read(answers.get(), &hello, sizeof hello) != sizeof hello) {
    return "the traced server did not start";
  }
  trace.watch(hello.worker);
  std::string error;
  for (size_t i = 0; i < workloads.size() && error.empty(); ++i) {
    if (workloads[i].logged != logged) continue;
    error = count_one(trace, hello.port, workloads[i], figures[i]);
    if (!error.empty()) error = std::string(workloads[i].name) + ": " + error;
  }
  return error;
}

std::string trace_server(const Place& place, bool logged, const std::vector<Workload>& workloads,
                         std::vector<Figures>& figures) {
  Pipe orders;
  Pipe answers;
  if (!make_pipe(orders) || !make_pipe(answers))
    return std::string("pipe: ") + std::strerror(errno);
  const pid_t child = ::fork();
  if (child < 0) return std::string("fork: ") + std::strerror(errno);
  if (child == 0) {
    orders.in = Descriptor();  // else it would never see the end
    std::_Exit(serve_until_closed(place, logged, orders.out.get(), answers.in.get()));
  }
  orders.out = Descriptor();
  answers.in = Descriptor();
  SyscallTrace trace;
  if (std::string error = trace.attach(child); !error.empty()) {
    orders.in = Descriptor();
    ::waitpid(child, nullptr, 0);
    return error;
  }
  std::string error;
  std::thread client([&] {
    error = drive(trace, logged, std::move(orders.in), std::move(answers.out), workloads, figures);
  });
  const int status = trace.trace_until_end();
  client.join();
  if (error.empty() && status != 0)
    error = "the traced server ended with status " + std::to_string(status);
  return error;
}

}  // namespace

std::string measure_system_calls(const Place& place, const std::vector<Workload>& workloads,
                                 std::vector<Figures>& figures) {
  for (const bool logged : {false, true}) {
    if (std::string error = trace_server(place, logged, workloads, figures); !error.empty()) {
      return error;
    }
  }
  return {};
}

}  // namespace sluice::bench
