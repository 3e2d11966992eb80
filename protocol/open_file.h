// An open descriptor that several workers send from. Closing it is a system call, which protocol/
// makes none of: whoever opened the file derives from this and closes it in the destructor.
#pragma once

#include <cstdint>

#include "protocol/owner.h"

namespace sluice {

class OpenFile : public SharedOwner {
 public:
  int descriptor() const noexcept { return descriptor_; }
  // Octets in the file when it was opened and its fields were decided.
  uint64_t size() const noexcept { return size_; }

 protected:
  OpenFile(int descriptor, uint64_t size) noexcept : descriptor_(descriptor), size_(size) {}

 private:
  int descriptor_;
  uint64_t size_;
};

}  // namespace sluice
