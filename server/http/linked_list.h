// Lists of things that are on several at a time, each at most once on a list of each kind:
// intrusive, so that joining and leaving cost no memory and no search.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sluice::http {

// An element's place in one list.
template <typename T>
struct Links {
  T* previous = nullptr;
  T* next = nullptr;
};

// `T` has `Links<T>& links(Kind)`, which may be private where the list is a friend. Owns nothing;
// whoever ends is taken off before. Thread: the elements'.
template <typename T, typename Kind>
class LinkedList {
 public:
  explicit LinkedList(Kind kind) noexcept : kind_(kind) {}

  void push_back(T& element) noexcept {
    element.links(kind_) = {.previous = last_, .next = nullptr};
    (last_ != nullptr ? last_->links(kind_).next : first_) = &element;
    last_ = &element;
    ++size_;
  }
  // Requires: it is on this list.
  void remove(T& element) noexcept {
    const Links<T> its = element.links(kind_);
    (its.previous != nullptr ? its.previous->links(kind_).next : first_) = its.next;
    (its.next != nullptr ? its.next->links(kind_).previous : last_) = its.previous;
    element.links(kind_) = {};
    --size_;
  }
  T* front() const noexcept { return first_; }
  size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return first_ == nullptr; }

  // Calls `visit` for each element; it may take the visited one off the list.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (T* at = first_; at != nullptr;) {
      T* const following = at->links(kind_).next;
      visit(*at);
      at = following;
    }
  }

 private:
  const Kind kind_;
  T* first_ = nullptr;
  T* last_ = nullptr;
  size_t size_ = 0;
};

}  // namespace sluice::http
