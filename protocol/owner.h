// Who keeps an octet alive while it waits to be sent.
//
// A slice may lie in a worker's block, in a body that all workers share, or be a range of an open
// file. Each is pinned through one of two counts:
//   1. Owner: a plain count, touched by one thread only. Blocks are Owners, and so are Handles.
//   2. SharedOwner: an atomic count. A worker takes it once, through a Handle of its own, and every
//   slice
//      on that worker pins the Handle. The data path therefore never touches a shared cache line.
#pragma once

#include <atomic>
#include <cassert>
#include <cstdint>
#include <utility>

namespace sluice {

// A plain reference count. Thread: the one that made it. Starts at zero; Ref<> counts.
class Owner {
 public:
  Owner() = default;
  Owner(const Owner&) = delete;
  Owner& operator=(const Owner&) = delete;

  void retain() noexcept { ++count_; }
  void release() noexcept {
    assert(count_ > 0);
    if (--count_ == 0) on_unreferenced();
  }
  uint32_t use_count() const noexcept { return count_; }

 protected:
  virtual ~Owner() = default;
  // The last reference is gone: return to a pool, or delete this.
  virtual void on_unreferenced() noexcept = 0;

 private:
  uint32_t count_ = 0;
};

// An atomic reference count, for what several workers send from. Any thread. Starts at one, which
// belongs to whoever made it; ends with `delete this`.
class SharedOwner {
 public:
  SharedOwner() = default;
  SharedOwner(const SharedOwner&) = delete;
  SharedOwner& operator=(const SharedOwner&) = delete;

  void retain() noexcept { count_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 protected:
  virtual ~SharedOwner() = default;

 private:
  std::atomic<uint32_t> count_{1};
};

// A counted pointer to an Owner or a SharedOwner; costs what the count costs.
template <typename T>
class Ref {
 public:
  Ref() noexcept = default;
  explicit Ref(T* target) noexcept : target_(target) {
    if (target_ != nullptr) target_->retain();
  }
  Ref(const Ref& other) noexcept : Ref(other.target_) {}
  Ref(Ref&& other) noexcept : target_(std::exchange(other.target_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(target_, other.target_);
    return *this;
  }
  ~Ref() {
    if (target_ != nullptr) target_->release();
  }

  // Takes over a count that the caller already holds (a SharedOwner fresh from new).
  static Ref adopt(T* target) noexcept {
    Ref ref;
    ref.target_ = target;
    return ref;
  }

  T* get() const noexcept { return target_; }
  T& operator*() const noexcept { return *target_; }
  T* operator->() const noexcept { return target_; }
  explicit operator bool() const noexcept { return target_ != nullptr; }
  void reset() noexcept { *this = Ref(); }
  // Gives the count to the caller.
  [[nodiscard]] T* detach() noexcept { return std::exchange(target_, nullptr); }

 private:
  T* target_ = nullptr;
};

// One worker's pin on a SharedOwner: takes the atomic count once, and counts plainly from there on.
class Handle final : public Owner {
 public:
  explicit Handle(Ref<SharedOwner> shared) noexcept : shared_(std::move(shared)) {}
  SharedOwner* shared() const noexcept { return shared_.get(); }

 private:
  void on_unreferenced() noexcept override { delete this; }

  Ref<SharedOwner> shared_;
};

}  // namespace sluice
