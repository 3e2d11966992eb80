// Pulling file ranges, and the helper's job that warms a window.
#include "server/handler/files/file_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

namespace sluice::handler {

namespace {

constexpr uint64_t kPage = 4096;
// The helpers' queue is full: how long until the source asks again.
constexpr std::chrono::milliseconds kRetry{20};

uint32_t second_of(net::Time now) noexcept {
  return static_cast<uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
}

}  // namespace

// Brings a window into the page cache. Pins the entry, and so the descriptor, for itself.
class FileSource::Touch final : public net::Job {
 public:
  Touch(Ref<FileEntry> entry, Ref<Link> link, net::Loop& loop, uint64_t window, uint64_t size)
      : entry_(std::move(entry)),
        link_(std::move(link)),
        loop_(loop),
        window_(window),
        window_size_(size) {}

  // One octet of each page: the kernel reads ahead by itself, and each read waits until its page is
  // there.
  void perform() override {
    const OpenFile& file = *entry_->representation().file();
    const uint64_t begin = window_ * window_size_;
    const uint64_t end = std::min(begin + window_size_, file.size());
    ::posix_fadvise(file.descriptor(), static_cast<off_t>(begin), static_cast<off_t>(end - begin),
                    POSIX_FADV_WILLNEED);
    for (uint64_t at = begin; at < end && readable_; at += kPage) {
      char octet = 0;
      const ssize_t count = ::pread(file.descriptor(), &octet, 1, static_cast<off_t>(at));
      if (count == 0) return;  // cut: sendfile will meet the end and say so
      readable_ = count > 0 || errno == EINTR;
    }
  }

  void deliver() override {
    entry_->windows()->note(window_, second_of(loop_.now()));
    if (link_->source != nullptr) link_->source->on_touched(readable_);
  }

 private:
  const Ref<FileEntry> entry_;
  const Ref<Link> link_;
  net::Loop& loop_;
  const uint64_t window_;
  const uint64_t window_size_;
  bool readable_ = true;
};

FileSource::FileSource(http::Exchange& exchange, const FileReading& reading, const cache::Pin& pin,
                       uint64_t begin, uint64_t end)
    : exchange_(exchange),
      reading_(reading),
      entry_(static_cast<FileEntry&>(*pin.entry)),
      handle_(pin.handle.get()),
      begin_(begin),
      end_(end),
      offset_(begin) {}

Pull FileSource::pull(Chain& out, size_t max) {
  if (failed_) return Pull::failed;
  const uint64_t ready = touched_until(std::min<uint64_t>(end_, offset_ + max));
  if (ready == offset_ && offset_ < end_) {
    await_touch();
    return Pull::pending;
  }
  if (ready == end_ && !is_whole()) return Pull::failed;
  const OpenFile& file = *entry_.representation().file();
  out.append_file(handle_, {file.descriptor(), offset_, ready - offset_});
  offset_ = ready;
  if (offset_ == end_) return Pull::end;
  read_ahead();
  return Pull::ready;
}

// Where the run of lately touched windows that starts at offset_ ends, at most at `limit`.
uint64_t FileSource::touched_until(uint64_t limit) const noexcept {
  const uint64_t window_size = reading_.limits.file_window;
  const uint32_t second = second_of(reading_.loop.now());
  uint64_t until = offset_;
  while (until < limit && entry_.windows()->use(until / window_size, second)) {
    until = std::min(limit, (until / window_size + 1) * window_size);
  }
  return until;
}

// Gives the window to a helper, unless one works for this source already. False when none takes it.
bool FileSource::touch(uint64_t window) {
  if (link_) return true;
  link_ = Ref<Link>::adopt(new Link(this));
  auto job = std::make_unique<Touch>(Ref<FileEntry>(&entry_), link_, reading_.loop, window,
                                     reading_.limits.file_window);
  if (reading_.helpers.submit(std::move(job), reading_.loop)) return true;
  link_.reset();
  return false;
}

void FileSource::await_touch() {
  waiting_ = true;
  if (touch(offset_ / reading_.limits.file_window)) return;
  reading_.loop.timers().set(*this, reading_.loop.now() + kRetry);
}

void FileSource::read_ahead() {
  const uint64_t window_size = reading_.limits.file_window;
  const uint64_t next = (offset_ + window_size - 1) / window_size;
  if (link_ || next * window_size >= end_) return;
  if (!entry_.windows()->use(next, second_of(reading_.loop.now()))) (void)touch(next);
}

// Whether what is sent is still the file that the head described. Asks the system only when the
// entry was not checked lately; a file whose times do not tell yet is asked about every time.
bool FileSource::is_whole() const noexcept {
  if (entry_.settled() && entry_.checked_lately(reading_.loop.now(), reading_.limits.file_check)) {
    return true;
  }
  struct stat status {};
  if (::fstat(entry_.representation().file()->descriptor(), &status) != 0) return false;
  const FileIdentity current = identity_of(status);
  const FileIdentity& before = entry_.identity();
  return current.same_content(before) || (current.size > before.size && has_only_grown());
}

// A log that is written while it is sent: what was there is there still. The end of it stands for
// all, which tells growth from a new content in the same place.
bool FileSource::has_only_grown() const noexcept {
  const std::string& tail = entry_.tail();
  std::array<char, 64> now;
  if (tail.empty() || tail.size() > now.size()) return false;
  const auto offset = static_cast<off_t>(entry_.identity().size - tail.size());
  const int file = entry_.representation().file()->descriptor();
  return ::pread(file, now.data(), tail.size(), offset) == static_cast<ssize_t>(tail.size()) &&
         std::string_view(now.data(), tail.size()) == tail;
}

void FileSource::on_touched(bool readable) {
  link_.reset();
  failed_ = failed_ || !readable;
  if (std::exchange(waiting_, false)) exchange_.wake();
}

void FileSource::on_timer() {
  if (std::exchange(waiting_, false)) exchange_.wake();
}

void FileSource::cancel() {
  if (link_) link_->source = nullptr;
  link_.reset();
  reading_.loop.timers().cancel(*this);
  waiting_ = false;
}

}  // namespace sluice::handler
