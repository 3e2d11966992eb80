// Octets that wait for their turn: put at the end, taken off the front, and no memory when there
// are none.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace sluice::net {

class KeptOctets {
 public:
  bool empty() const noexcept { return begin_ == end_; }
  std::string_view view() const noexcept { return {octets_.get() + begin_, end_ - begin_}; }
  size_t capacity() const noexcept { return capacity_; }

  // `octets` does not lie in here.
  void append(std::string_view octets) {
    if (octets.empty()) return;
    if (octets.size() > capacity_ - end_) make_room(octets.size());
    std::memcpy(octets_.get() + end_, octets.data(), octets.size());
    end_ += static_cast<uint32_t>(octets.size());
  }
  // Takes `count` octets (at most size()) off the front.
  void drain(size_t count) noexcept {
    begin_ += static_cast<uint32_t>(count);
    if (empty()) clear();
  }
  void clear() noexcept {
    octets_.reset();
    begin_ = end_ = capacity_ = 0;
  }

 private:
  void make_room(size_t more) {
    const size_t size = end_ - begin_;
    std::unique_ptr<char[]> larger(new char[size + more]);
    if (size > 0) std::memcpy(larger.get(), octets_.get() + begin_, size);
    octets_ = std::move(larger);
    begin_ = 0;
    end_ = static_cast<uint32_t>(size);
    capacity_ = static_cast<uint32_t>(size + more);
  }

  std::unique_ptr<char[]> octets_;
  uint32_t begin_ = 0;
  uint32_t end_ = 0;
  uint32_t capacity_ = 0;
};

}  // namespace sluice::net
