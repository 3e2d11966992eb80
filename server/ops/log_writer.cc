// The writer's thread: pass over the rings, sleep as the outcome asks, and again.
#include "server/ops/log_writer.h"

#include <poll.h>
#include <signal.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <span>
#include <string_view>

#include "server/ops/dropped_line.h"

namespace sluice::ops {
namespace {

// Whether a line of a ring's part, which holds whole ones, ends before `at`.
bool ends_line(std::string_view part, size_t at) noexcept {
  return part[at - 1] == '\n' && (at == part.size() || part[at] != ' ');
}

// Octets up to the first end of a line in `part`, that end included.
size_t line_size(std::string_view part) noexcept {
  size_t end = part.find('\n') + 1;
  while (!ends_line(part, end)) end = part.find('\n', end) + 1;
  return end;
}

size_t count_lines(std::string_view part) noexcept {
  size_t lines = 0;
  for (; !part.empty(); ++lines) part.remove_prefix(line_size(part));
  return lines;
}

}  // namespace

LogWriter::LogWriter(std::unique_ptr<LogDestination> destination, LineForm form, Pace pace)
    : destination_(std::move(destination)),
      form_(form),
      pace_(pace),
      notes_(2 * kDroppedLineBound) {}

std::string LogWriter::start() {
  if (!bell_.ok()) return std::string("cannot start the access log: ") + std::strerror(errno);
  // Signals are for the main thread; a write to a closed pipe shall be an error and no SIGPIPE.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  auto* self = new std::shared_ptr<LogWriter>(shared_from_this());
  const int error = ::pthread_create(&thread_, nullptr, thread_main, self);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  started_ = error == 0;
  if (started_) return {};
  delete self;
  return std::string("cannot start the access log's thread: ") + std::strerror(error);
}

void* LogWriter::thread_main(void* argument) {
  const std::unique_ptr<std::shared_ptr<LogWriter>> self(
      static_cast<std::shared_ptr<LogWriter>*>(argument));
  ::pthread_setname_np(::pthread_self(), "sluice-log");
  (*self)->run();
  return nullptr;
}

WorkerLog& LogWriter::add(size_t ring_octets) {
  const std::lock_guard lock(logs_mutex_);
  logs_.push_back(std::make_unique<WorkerLog>(form_, ring_octets, bell_));
  return *logs_.back();
}

void LogWriter::close() {
  if (!started_) return;
  started_ = false;
  closing_.store(true);
  bell_.ring_always();
  constexpr std::chrono::milliseconds kToNotice{500};
  timespec end{};
  ::clock_gettime(CLOCK_REALTIME, &end);
  const auto wait = std::chrono::nanoseconds(pace_.flush + kToNotice).count() + end.tv_nsec;
  end.tv_sec += wait / 1'000'000'000;
  end.tv_nsec = wait % 1'000'000'000;
  if (::pthread_timedjoin_np(thread_, nullptr, &end) != 0) {
    ::pthread_detach(thread_);
    return;
  }
  thrown_away_.fetch_add(count_left_lines());
}

uint64_t LogWriter::dropped() const noexcept {
  uint64_t sum = thrown_away_.load();
  const std::lock_guard lock(logs_mutex_);
  for (const auto& log : logs_) sum += log->dropped();
  return sum;
}

size_t LogWriter::count_left_lines() {
  size_t lines = 0;
  for (const auto& log : logs_) {
    const LogRing::Readable left = log->ring().readable();
    lines += count_lines(left.first) + count_lines(left.second);
    log->ring().release(left.size());
  }
  return lines;
}

void LogWriter::run() {
  while (!closing_.load()) sleep_after(pass(false));
  flush_and_end();
}

void LogWriter::flush_and_end() {
  const Clock::time_point end = Clock::now() + pace_.flush;
  while (pass(true) == Outcome::stuck) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) return;
    wait(left, true);
  }
}

// --- Sleeping ---

void LogWriter::sleep_after(Outcome outcome) {
  constexpr std::chrono::milliseconds kForever{-1};
  switch (outcome) {
    case Outcome::failed:
      return wait_to_retry();
    case Outcome::stuck:
      wait(kForever, true);
      // Some descriptors say that there is room and then take nothing: not an idle loop for those.
      if (!progress_) wait(pace_.gather, false);
      return;
    case Outcome::wrote:
      bell_.wait_for(Bell::Waiting::half_full);
      return wait(pace_.gather, false);
    case Outcome::nothing:
      return owes_note() ? wait(pace_.gather, false) : sleep_until_a_line();
  }
}

void LogWriter::sleep_until_a_line() {
  bell_.wait_for(Bell::Waiting::any);
  if (!lines_wait()) wait(std::chrono::milliseconds(-1), false);
  bell_.wait_for(Bell::Waiting::no);
}

// Only the end cuts it short: the bell may have been rung for lines that are known already.
void LogWriter::wait_to_retry() {
  const Clock::time_point end = Clock::now() + pace_.retry;
  while (!closing_.load()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) return;
    wait(left, false);
  }
}

void LogWriter::wait(std::chrono::milliseconds time, bool for_room) {
  std::array<pollfd, 2> wanted{
      {{bell_.descriptor(), POLLIN, 0}, {destination_->descriptor(), POLLOUT, 0}}};
  if (!closing_.load() || for_room) {
    static_cast<void>(::poll(wanted.data(), for_room ? 2 : 1, static_cast<int>(time.count())));
  }
  bell_.wait_for(Bell::Waiting::no);
  bell_.quiet();
}

bool LogWriter::lines_wait() {
  const std::lock_guard lock(logs_mutex_);
  return std::any_of(logs_.begin(), logs_.end(),
                     [](const auto& log) { return log->ring().readable().size() > 0; });
}

// --- Writing ---

LogWriter::Outcome LogWriter::pass(bool at_end) {
  progress_ = false;
  const Outcome lines = write_rings();
  if (lines == Outcome::stuck || lines == Outcome::failed) return lines;
  if (owes_note() && (at_end || Clock::now() >= next_note_)) make_note();
  const Outcome note = write_ring(notes_);
  return note == Outcome::nothing ? lines : note;
}

LogWriter::Outcome LogWriter::write_rings() {
  if (half_line_ != nullptr) {
    const Outcome rest = write_ring(*half_line_);
    if (rest != Outcome::wrote) return rest;
  }
  const std::lock_guard lock(logs_mutex_);
  for (const auto& log : logs_) {
    const Outcome outcome = write_ring(log->ring());
    if (outcome == Outcome::stuck || outcome == Outcome::failed) return outcome;
  }
  return progress_ ? Outcome::wrote : Outcome::nothing;
}

// Writes what is in the ring now; what its worker adds meanwhile is for the next pass, or the
// others would starve.
LogWriter::Outcome LogWriter::write_ring(LogRing& ring) {
  size_t left = ring.readable().size();
  if (left == 0) return Outcome::nothing;
  while (left > 0) {
    const LogRing::Readable now = ring.readable();
    const std::array<iovec, 2> parts{{{const_cast<char*>(now.first.data()), now.first.size()},
                                      {const_cast<char*>(now.second.data()), now.second.size()}}};
    // A ring that has just wrapped may have nothing before its end.
    const std::span<const iovec> used = std::span(parts).subspan(
        now.first.empty() ? 1 : 0, now.first.empty() || now.second.empty() ? 1 : 2);
    const ssize_t written = destination_->write(used);
    if (written < 0) return refused(written);
    const auto size = static_cast<size_t>(written);
    const bool is_in_first = size <= now.first.size();
    const std::string_view part = is_in_first ? now.first : now.second;
    half_line_ = ends_line(part, is_in_first ? size : size - now.first.size()) ? nullptr : &ring;
    ring.release(size);
    left -= std::min(left, size);
    progress_ = true;
  }
  return Outcome::wrote;
}

LogWriter::Outcome LogWriter::refused(ssize_t error) {
  if (error == -EAGAIN || error == -EWOULDBLOCK || error == -EINTR) return Outcome::stuck;
  // The reader is gone, and the first half of a line with it: the next reader shall begin with a
  // whole one.
  if (error == -EPIPE || error == -ECONNRESET) throw_half_line_away();
  return Outcome::failed;
}

void LogWriter::throw_half_line_away() {
  if (half_line_ == nullptr) return;
  const LogRing::Readable now = half_line_->readable();
  // No line straddles the ring's end, so its LF is in the part that it began in.
  const std::string_view part = now.first.empty() ? now.second : now.first;
  half_line_->release(line_size(part));
  if (half_line_ != &notes_) thrown_away_.fetch_add(1);
  half_line_ = nullptr;
}

bool LogWriter::owes_note() const { return dropped() > noted_; }

void LogWriter::make_note() {
  char* room = notes_.reserve(kDroppedLineBound);
  if (room == nullptr) return;  // the last one is not out yet
  const uint64_t dropped_now = dropped();
  timespec wall{};
  ::clock_gettime(CLOCK_REALTIME, &wall);
  const DroppedLines lines{dropped_now - noted_, wall.tv_sec,
                           static_cast<unsigned>(wall.tv_nsec / 1'000'000)};
  const bool is_json = form_ == LineForm::json || form_ == LineForm::error_json;
  const char* end = is_json ? render_dropped_json(room, lines) : render_dropped_text(room, lines);
  notes_.commit(static_cast<size_t>(end - room));
  noted_ = dropped_now;
  next_note_ = Clock::now() + pace_.report;
}

}  // namespace sluice::ops
