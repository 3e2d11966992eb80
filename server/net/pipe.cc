// A pipe's life, and the few that are kept for the next one.
#include "server/net/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <utility>

namespace sluice::net {

namespace {

constexpr size_t kKept = 16;
constexpr int kSize = 256 * 1024;

}  // namespace

Pipe::Pipe(PipePool& pool, Descriptor read_end, Descriptor write_end) noexcept
    : pool_(pool), read_end_(std::move(read_end)), write_end_(std::move(write_end)) {}

void Pipe::append_to(Chain& content, size_t octets) {
  content.append_file(Ref<Owner>(this),
                      {.descriptor = read_end(), .offset = 0, .size = octets, .is_pipe = true});
}

void Pipe::emptied(uint64_t octets) noexcept {
  assert(octets <= octets_);
  octets_ -= octets;
  if (waiting_ != nullptr) loop_->wake(*std::exchange(waiting_, nullptr));
}

void Pipe::await_room(Loop& loop, Task& task) noexcept {
  loop_ = &loop;
  waiting_ = &task;
}

void Pipe::forget(const Task& task) noexcept {
  if (waiting_ == &task) waiting_ = nullptr;
}

void Pipe::on_unreferenced() noexcept {
  waiting_ = nullptr;
  pool_.give_back(*this);
}

PipePool::~PipePool() {
  assert(in_use_ == 0);
  for (Pipe* const pipe : free_) delete pipe;
}

Ref<Pipe> PipePool::acquire() {
  if (in_use_ >= most_) return {};
  if (!free_.empty()) {
    ++in_use_;
    Pipe* const pipe = free_.back();
    free_.pop_back();
    return Ref<Pipe>(pipe);
  }
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) return {};
  // More than it has at first; where many pipes are so large that this user may have no more, not.
  ::fcntl(ends[1], F_SETPIPE_SZ, kSize);
  ++in_use_;
  free_.reserve(kKept);  // so that give_back never allocates
  return Ref<Pipe>(new Pipe(*this, Descriptor(ends[0]), Descriptor(ends[1])));
}

void PipePool::give_back(Pipe& pipe) noexcept {
  assert(in_use_ > 0);
  --in_use_;
  if (pipe.empty() && free_.size() < kKept) {
    free_.push_back(&pipe);
  } else {
    delete &pipe;
  }
}

}  // namespace sluice::net
