// A run of octets and what keeps them alive: the currency between a transport's reads, codecs and
// chains.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

#include "protocol/owner.h"

namespace sluice {

// Octets [data, data + size), valid while this slice (or a copy) lives. A null owner means that the
// octets are static: they live as long as the process. Thread: the owner's.
class Slice {
 public:
  Slice() noexcept = default;
  Slice(Ref<Owner> owner, const char* data, size_t size) noexcept
      : owner_(std::move(owner)), data_(data), size_(size) {}

  // Requires: `text` outlives the process' use of it (a literal).
  static Slice of_static(std::string_view text) noexcept {
    return Slice(Ref<Owner>(), text.data(), text.size());
  }

  const char* data() const noexcept { return data_; }
  size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::string_view view() const noexcept { return {data_, size_}; }
  const Ref<Owner>& owner() const noexcept { return owner_; }
  // Gives the pin to the caller, who keeps data() and size() apart; a node takes it over without
  // counting.
  Ref<Owner> take_owner() && noexcept { return std::move(owner_); }

  // Octets [offset, offset + size) of this slice. Requires: they lie within it.
  Slice sub(size_t offset, size_t size) const noexcept {
    assert(offset <= size_ && size <= size_ - offset);
    return Slice(owner_, data_ + offset, size);
  }

 private:
  Ref<Owner> owner_;
  const char* data_ = nullptr;
  size_t size_ = 0;
};

// A slice over memory of its own, copied to exact size. For what must wait without pinning a block.
Slice copy_of(std::string_view octets);

}  // namespace sluice
