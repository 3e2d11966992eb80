// The bell is an eventfd, because the writer waits for it and for its destination in one poll().
#include "server/ops/bell.h"

#include <sys/eventfd.h>
#include <unistd.h>

namespace sluice::ops {

Bell::Bell() noexcept : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Bell::~Bell() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Bell::quiet() noexcept {
  eventfd_t count = 0;
  static_cast<void>(::eventfd_read(descriptor_, &count));  // EAGAIN: it did not ring
}

void Bell::ring() noexcept {
  if (waiting_.exchange(Waiting::no, std::memory_order_acq_rel) != Waiting::no) ring_always();
}

// Fails only when the count would overflow, and then the writer is awake already.
void Bell::ring_always() noexcept { static_cast<void>(::eventfd_write(descriptor_, 1)); }

}  // namespace sluice::ops
