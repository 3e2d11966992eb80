// Signals reach the loop as events, each kind once however often it was sent before it was read.
#include "server/ops/signal_source.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <vector>

namespace sluice::ops {
namespace {

class Noting final : public SignalReceiver {
 public:
  void on_signal(int number) override { numbers.push_back(number); }
  std::vector<int> numbers;
};

// Runs `check` in a process of its own: signals and their masks are the process's.
template <typename Check>
int in_child(Check check) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(check() ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(SignalSource, SignalsAreEventsAndEndNobody) {
  EXPECT_EQ(in_child([] {
              const sigset_t signals = block_signals();
              net::Loop loop;
              Noting noting;
              SignalSource source(loop, noting);
              if (source.open(signals) != 0) return false;
              loop.bind_to_this_thread();
              for (const int signal : {SIGHUP, SIGTERM, SIGTERM, SIGPIPE}) ::raise(signal);
              loop.run_once(std::chrono::milliseconds(1000));
              return noting.numbers.size() == 2 && noting.numbers[0] == SIGHUP &&
                     noting.numbers[1] == SIGTERM;
            }),
            0);
}

}  // namespace
}  // namespace sluice::ops
