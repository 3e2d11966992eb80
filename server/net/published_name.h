// What is known of a name, passed from the resolver's thread to the workers'.
//
// Invariants:
//   1. The resolution is complete before the generation that announces it is seen.
//   2. A subscriber is told by mail to its own loop. The mail knows a record that the subscription
//   empties when it goes, on that same loop: whoever is gone is never touched.
//   3. After the resolver has closed the name, no refresh() reaches the resolver's loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "server/net/loop.h"
#include "server/net/resolver.h"

namespace sluice::net {

// Who looks a published name up. Thread: the resolver's loop's.
class NameRefresher {
 public:
  virtual void on_refresh() = 0;

 protected:
  ~NameRefresher() = default;
};

class PublishedName final : public ResolvedName,
                            public std::enable_shared_from_this<PublishedName> {
 public:
  // A name that `refresher` looks up on `home`, until close(); null: it is fixed.
  PublishedName(Loop* home, NameRefresher* refresher) : home_(home), refresher_(refresher) {}

  uint64_t generation() const noexcept override {
    return generation_.load(std::memory_order_acquire);
  }
  std::shared_ptr<const Resolution> resolution() const override;
  void refresh() override;
  std::unique_ptr<Subscription> subscribe(Loop& loop, Task& task) override;

  // The resolver's thread.
  // Replaces what is known. Subscribers are woken when the addresses differ, and the first time.
  void publish(Resolution resolution);
  void close() noexcept;

 private:
  class Subscriber;
  class RefreshMail;
  struct WakeMail;
  struct Record {
    Loop& loop;
    Task* task;  // the loop's thread only; null when the subscription is gone
  };
  void unsubscribe(const std::shared_ptr<Record>& record) noexcept;
  void refresh_here();

  std::atomic<uint64_t> generation_{0};
  std::atomic<bool> refresh_asked_{false};  // mail is on its way, no more is needed
  mutable std::mutex mutex_;
  // Guarded by the mutex.
  std::shared_ptr<const Resolution> resolution_ = std::make_shared<Resolution>();
  std::vector<std::shared_ptr<Record>> subscribers_;
  Loop* home_;
  // The resolver's thread only.
  NameRefresher* refresher_;
};

}  // namespace sluice::net
