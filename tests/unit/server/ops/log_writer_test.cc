// The writer with a destination that plays everything a real one may do: short writes, no room, a
// full disk, a reader who goes and another who comes. Whatever happens: whole lines, each counted
// once, and an end within its bound.
#include "server/ops/log_writer.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/ops/handshake_line.h"
#include "unit/server/ops/handshake_records.h"
#include "unit/server/ops/records.h"

namespace sluice::ops {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr LogWriter::Pace kFast{.gather = 2ms, .retry = 5ms, .flush = 200ms, .report = 1ms};

// What the tests see of the destination; lives longer than the writer's thread needs it.
struct Script {
  // How many of `size` octets to take, or a negated errno. Called on the writer's thread.
  std::function<ssize_t(size_t size)> answer = [](size_t size) {
    return static_cast<ssize_t>(size);
  };
  std::mutex mutex;
  std::string written;
  std::atomic<int> calls{0};

  std::string text() {
    const std::lock_guard lock(mutex);
    return written;
  }
};

class ScriptedDestination final : public LogDestination {
 public:
  // `room`: whether poll() finds it writable, as an eventfd whose count may be at its end or not.
  ScriptedDestination(std::shared_ptr<Script> script, bool room) : script_(std::move(script)) {
    if (!room) static_cast<void>(::eventfd_write(descriptor_, UINT64_MAX - 1));
  }
  ~ScriptedDestination() override { ::close(descriptor_); }

  ssize_t write(std::span<const iovec> parts) noexcept override {
    std::string all;
    for (const iovec& part : parts)
      all.append(static_cast<const char*>(part.iov_base), part.iov_len);
    ++script_->calls;
    const std::lock_guard lock(script_->mutex);
    const ssize_t taken = script_->answer(all.size());
    if (taken > 0) script_->written += all.substr(0, static_cast<size_t>(taken));
    return taken;
  }
  int descriptor() const noexcept override { return descriptor_; }

 private:
  const std::shared_ptr<Script> script_;
  const int descriptor_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
};

struct Running {
  explicit Running(std::shared_ptr<Script> played, bool room = true, LogWriter::Pace pace = kFast,
                   LineForm form = LineForm::json)
      : script(std::move(played)),
        writer(std::make_shared<LogWriter>(std::make_unique<ScriptedDestination>(script, room),
                                           form, pace)) {
    EXPECT_EQ(writer->start(), "");
  }
  ~Running() { writer->close(); }

  std::shared_ptr<Script> script;
  std::shared_ptr<LogWriter> writer;
};

void record_numbered(WorkerLog& log, int number) {
  http::ExchangeRecord record = typical_record();
  const std::string target = "/" + std::to_string(number);
  record.target = target;
  log.record(record);
}

size_t count_of(const std::string& text, std::string_view what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

// Lines of requests; each must be whole.
size_t request_lines(const std::string& text) {
  size_t begin = 0;
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    EXPECT_TRUE(line.starts_with("{\"time\":") && line.ends_with("}")) << "torn: " << line;
  }
  EXPECT_EQ(begin, text.size()) << "the last line is torn";
  return count_of(text, "\"target\":\"/");
}

// The sum of what the notes say was dropped.
uint64_t noted_drops(const std::string& text) {
  constexpr std::string_view kKey = "\"dropped\":";
  uint64_t sum = 0;
  for (size_t at = text.find(kKey); at != std::string::npos; at = text.find(kKey, at + 1)) {
    uint64_t one = 0;
    std::from_chars(text.data() + at + kKey.size(), text.data() + text.size(), one);
    sum += one;
  }
  return sum;
}

bool comes_true(const std::function<bool()>& condition) {
  for (const auto end = Clock::now() + 10s; Clock::now() < end; std::this_thread::sleep_for(1ms)) {
    if (condition()) return true;
  }
  return false;
}

TEST(LogWriter, WritesSoonAndInOrder) {
  Running running(std::make_shared<Script>());
  WorkerLog& log = running.writer->add(64 * 1024);
  record_numbered(log, 1);
  EXPECT_TRUE(comes_true([&] { return request_lines(running.script->text()) == 1; }))
      << "close() is not needed";
  record_numbered(log, 2);
  record_numbered(log, 3);
  running.writer->close();
  const std::string text = running.script->text();
  EXPECT_LT(text.find("\"/1\""), text.find("\"/2\""));
  EXPECT_LT(text.find("\"/2\""), text.find("\"/3\""));
  EXPECT_EQ(running.writer->dropped(), 0U);
}

TEST(LogWriter, WritesManyLinesInOneCall) {
  Running running(std::make_shared<Script>(), true,
                  {.gather = 10s, .retry = 10s, .flush = 1s, .report = 1s});
  WorkerLog& log = running.writer->add(1024 * 1024);
  record_numbered(log, 0);
  ASSERT_TRUE(comes_true([&] { return running.script->calls == 1; }));
  for (int i = 1; i <= 500; ++i) record_numbered(log, i);
  running.writer->close();
  EXPECT_EQ(request_lines(running.script->text()), 501U);
  EXPECT_LE(running.script->calls, 3);
}

TEST(LogWriter, ComesEarlierWhenARingIsHalfFull) {
  Running running(std::make_shared<Script>(), true,
                  {.gather = 1h, .retry = 1h, .flush = 1s, .report = 1h});
  WorkerLog& log = running.writer->add(16 * 1024);
  record_numbered(log, 0);
  ASSERT_TRUE(comes_true([&] { return running.script->calls == 1; }));
  for (int i = 1; i <= 40; ++i) record_numbered(log, i);  // over 8 KiB
  EXPECT_TRUE(comes_true([&] { return running.script->calls >= 2; }));
}

TEST(LogWriter, SleepsWhenNothingHappens) {
  Running running(std::make_shared<Script>());
  WorkerLog& log = running.writer->add(16 * 1024);
  record_numbered(log, 0);
  ASSERT_TRUE(comes_true([&] { return running.script->calls == 1; }));
  std::this_thread::sleep_for(30ms);
  EXPECT_EQ(running.script->calls, 1);
}

TEST(LogWriter, ContinuesShortWrites) {
  auto script = std::make_shared<Script>();
  script->answer = [n = 0](size_t size) mutable -> ssize_t {
    ++n;
    if (n % 3 == 0) return -EAGAIN;
    return static_cast<ssize_t>(std::min<size_t>(size, static_cast<size_t>(n % 97 + 1)));
  };
  Running running(script);
  WorkerLog& one = running.writer->add(64 * 1024);
  WorkerLog& two = running.writer->add(64 * 1024);
  for (int i = 0; i < 20; ++i) {
    record_numbered(one, i);
    record_numbered(two, 100 + i);
  }
  EXPECT_TRUE(comes_true([&] { return count_of(script->text(), "\n") == 40; }));
  EXPECT_EQ(request_lines(script->text()), 40U);
}

TEST(LogWriter, WaitsOutAFullDisk) {
  auto script = std::make_shared<Script>();
  auto full = std::make_shared<std::atomic<bool>>(true);
  script->answer = [full](size_t size) {
    return *full ? -ssize_t{ENOSPC} : static_cast<ssize_t>(size);
  };
  Running running(script);
  WorkerLog& log = running.writer->add(8 * 1024);
  for (int i = 0; i < 1000; ++i) record_numbered(log, i);
  EXPECT_GT(running.writer->dropped(), 900U);
  *full = false;
  EXPECT_TRUE(comes_true([&] { return noted_drops(script->text()) == running.writer->dropped(); }));
  const std::string text = script->text();
  EXPECT_EQ(request_lines(text) + running.writer->dropped(), 1000U);
  EXPECT_LT(text.find("\"/0\""), text.find("\"dropped\":")) << "the note follows what was kept";
}

TEST(LogWriter, DoesNotRetryAFullDiskOftenerThanItsPace) {
  auto script = std::make_shared<Script>();
  script->answer = [](size_t) { return -ssize_t{ENOSPC}; };
  Running running(script, true, {.gather = 1ms, .retry = 1h, .flush = 1ms, .report = 1ms});
  WorkerLog& log = running.writer->add(4 * 1024);
  for (int i = 0; i < 100; ++i) record_numbered(log, i);
  ASSERT_TRUE(comes_true([&] { return script->calls > 0; }));
  for (int i = 0; i < 100; ++i) record_numbered(log, i);
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(script->calls, 1);
}

TEST(LogWriter, BeginsAWholeLineForTheNextReader) {
  auto script = std::make_shared<Script>();
  script->answer = [n = 0](size_t size) mutable -> ssize_t {
    if (++n == 1) return 10;
    if (n < 4) return -EPIPE;
    return static_cast<ssize_t>(size);
  };
  Running running(script);
  WorkerLog& log = running.writer->add(8 * 1024);
  record_numbered(log, 1);
  ASSERT_TRUE(comes_true([&] { return script->calls >= 4; }));
  record_numbered(log, 2);
  running.writer->close();
  EXPECT_EQ(request_lines(script->text().substr(10)), 1U)
      << "the rest of /1 went with the first reader";
  EXPECT_EQ(noted_drops(script->text()), 1U);
  EXPECT_EQ(running.writer->dropped(), 1U);
}

TEST(LogWriter, EndsInTimeWhenNobodyReads) {
  auto script = std::make_shared<Script>();
  script->answer = [](size_t) { return -ssize_t{EAGAIN}; };
  Running running(script, false);
  WorkerLog& log = running.writer->add(4 * 1024);
  for (int i = 0; i < 100; ++i) record_numbered(log, i);
  const auto begin = Clock::now();
  running.writer->close();
  EXPECT_LT(Clock::now() - begin, kFast.flush + 5s);
  EXPECT_EQ(running.writer->dropped(), 100U) << "what was left in the ring counts";
}

TEST(LogWriter, LeavesAThreadBehindThatTheKernelHolds) {
  auto script = std::make_shared<Script>();
  auto held = std::make_shared<std::atomic<bool>>(true);
  script->answer = [held](size_t size) {
    while (*held) std::this_thread::sleep_for(1ms);
    return static_cast<ssize_t>(size);
  };
  Running running(script, true, {.gather = 1ms, .retry = 1ms, .flush = 10ms, .report = 1ms});
  WorkerLog& log = running.writer->add(4 * 1024);
  record_numbered(log, 1);
  ASSERT_TRUE(comes_true([&] { return script->calls == 1; }));
  const auto begin = Clock::now();
  running.writer->close();
  EXPECT_LT(Clock::now() - begin, 8s);
  const std::weak_ptr<LogWriter> left = running.writer;
  *held = false;
  running.writer->close();  // nothing more
  running.writer = std::make_shared<LogWriter>(std::make_unique<ScriptedDestination>(script, true),
                                               LineForm::json, kFast);
  EXPECT_TRUE(comes_true([&] { return left.expired(); })) << "its thread frees it when it gets on";
}

// A line that does not fit into an empty ring is told of too.
TEST(LogWriter, TellsOfALineThatIsTooLong) {
  Running running(std::make_shared<Script>());
  WorkerLog& log = running.writer->add(1024);
  http::ExchangeRecord record = typical_record();
  const std::string long_target(4000, 'x');
  record.target = long_target;
  log.record(record);
  EXPECT_TRUE(comes_true([&] { return noted_drops(running.script->text()) == 1; }));
}

// --- Records of several lines --------------------------------------------------------------------

// Handshakes traced: each a record that begins with its date and goes on behind spaces.
class Traced {
 public:
  Traced() { EXPECT_EQ(served_.run(), tls::Session::Status::done); }
  void record(WorkerLog& log, std::string_view peer) const {
    http::HandshakeRecord one = record_of(served_, http::HandshakeEnd::established);
    one.peer = peer;
    log.handshake_trace(one);
  }
  std::string text(std::string_view peer) const {
    http::HandshakeRecord one = record_of(served_, http::HandshakeEnd::established);
    one.peer = peer;
    CachedDate date(CachedDate::Form::rfc3339);
    return handshake_trace_text(one, date, WorkerLog::kMostTrace);
  }

 private:
  tls::ServedHandshake served_{traced_options()};
};

TEST(LogWriter, DoesNotMixRecordsOfSeveralLines) {
  const Traced traced;
  const std::string one = traced.text("192.0.2.1"), two = traced.text("192.0.2.2");
  // Every write ends behind a line, but not behind the record.
  const size_t first_line = one.find('\n') + 1;
  auto script = std::make_shared<Script>();
  script->answer = [first_line, n = 0](size_t size) mutable -> ssize_t {
    if (++n % 2 == 0) return -EAGAIN;
    return static_cast<ssize_t>(std::min(size, first_line));
  };
  Running running(script, true, kFast, LineForm::error);
  WorkerLog& left = running.writer->add(1 << 20);
  WorkerLog& right = running.writer->add(1 << 20);
  for (int i = 0; i < 3; ++i) {
    traced.record(left, "192.0.2.1");
    traced.record(right, "192.0.2.2");
  }
  EXPECT_TRUE(comes_true([&] { return script->text().size() == 3 * (one.size() + two.size()); }));
  const std::string text = script->text();
  EXPECT_EQ(count_of(text, one), 3U);
  EXPECT_EQ(count_of(text, two), 3U);
}

TEST(LogWriter, ThrowsARecordOfSeveralLinesAwayAsOne) {
  const Traced traced;
  const size_t first_line = traced.text("192.0.2.1").find('\n') + 1;
  auto script = std::make_shared<Script>();
  script->answer = [first_line, n = 0](size_t size) mutable -> ssize_t {
    if (++n == 1) return static_cast<ssize_t>(first_line);
    if (n < 4) return -EPIPE;
    return static_cast<ssize_t>(size);
  };
  Running running(script, true, kFast, LineForm::error);
  WorkerLog& log = running.writer->add(1 << 20);
  traced.record(log, "192.0.2.1");
  ASSERT_TRUE(comes_true([&] { return script->calls >= 4; }));
  traced.record(log, "192.0.2.2");
  running.writer->close();
  EXPECT_TRUE(script->text().substr(first_line).ends_with(traced.text("192.0.2.2")));
  EXPECT_EQ(running.writer->dropped(), 1U);
}

TEST(LogWriter, CountsARecordOfSeveralLinesOnce) {
  const Traced traced;
  auto script = std::make_shared<Script>();
  script->answer = [](size_t) { return -ssize_t{EAGAIN}; };
  Running running(script, false, kFast, LineForm::error);
  WorkerLog& log = running.writer->add(1 << 20);
  for (int i = 0; i < 5; ++i) traced.record(log, "192.0.2.1");
  running.writer->close();
  EXPECT_EQ(running.writer->dropped(), 5U);
}

// Four workers, small rings, a destination that is slow, short and sometimes full: nothing is lost
// uncounted.
TEST(LogWriter, ThreadsProduceWrittenPlusDropped) {
  auto script = std::make_shared<Script>();
  script->answer = [n = 0U](size_t size) mutable -> ssize_t {
    ++n;
    if (n % 7 == 0) return -ENOSPC;
    if (n % 5 == 0) return -EAGAIN;
    return static_cast<ssize_t>(n % 3 == 0 ? size / 2 + 1 : size);
  };
  Running running(script, true, {.gather = 1ms, .retry = 1ms, .flush = 1s, .report = 3ms});
  constexpr int kLines = 5000;
  std::vector<WorkerLog*> logs;
  for (int i = 0; i < 4; ++i) logs.push_back(&running.writer->add(16 * 1024));
  std::vector<std::thread> workers;
  for (WorkerLog* log : logs) {
    workers.emplace_back([log] {
      for (int i = 0; i < kLines; ++i) {
        record_numbered(*log, i);
        if (i % 16 == 0) std::this_thread::yield();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  // At close an error ends it at once, so that the last lines are either written or counted.
  running.writer->close();
  const std::string text = script->text();
  const std::string whole = text.substr(0, text.rfind('\n') + 1);
  EXPECT_EQ(request_lines(whole) + running.writer->dropped(), 4U * kLines);
  EXPECT_LE(noted_drops(whole), running.writer->dropped());
}

}  // namespace
}  // namespace sluice::ops
