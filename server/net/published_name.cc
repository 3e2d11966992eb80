// Publishing, subscribing, and asking for more.
#include "server/net/published_name.h"

#include <algorithm>
#include <utility>

namespace sluice::net {

struct PublishedName::WakeMail final : Mail {
  explicit WakeMail(std::shared_ptr<Record> told) : record(std::move(told)) {}
  void deliver() override {
    if (record->task != nullptr) record->loop.wake(*record->task);
  }
  std::shared_ptr<Record> record;
};

class PublishedName::RefreshMail final : public Mail {
 public:
  explicit RefreshMail(std::shared_ptr<PublishedName> name) : name_(std::move(name)) {}
  void deliver() override { name_->refresh_here(); }

 private:
  std::shared_ptr<PublishedName> name_;
};

class PublishedName::Subscriber final : public Subscription {
 public:
  Subscriber(std::shared_ptr<PublishedName> name, std::shared_ptr<Record> record)
      : name_(std::move(name)), record_(std::move(record)) {}
  ~Subscriber() override {
    record_->task = nullptr;
    name_->unsubscribe(record_);
  }
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

 private:
  std::shared_ptr<PublishedName> name_;
  std::shared_ptr<Record> record_;
};

std::shared_ptr<const Resolution> PublishedName::resolution() const {
  const std::scoped_lock lock(mutex_);
  return resolution_;
}

void PublishedName::refresh() {
  if (refresh_asked_.load(std::memory_order_relaxed)) return;
  const std::scoped_lock lock(mutex_);
  if (home_ == nullptr || refresh_asked_.exchange(true)) return;
  home_->post(std::make_unique<RefreshMail>(shared_from_this()));
}

void PublishedName::refresh_here() {
  refresh_asked_ = false;
  if (refresher_ != nullptr) refresher_->on_refresh();
}

std::unique_ptr<ResolvedName::Subscription> PublishedName::subscribe(Loop& loop, Task& task) {
  auto record = std::make_shared<Record>(Record{loop, &task});
  const std::scoped_lock lock(mutex_);
  subscribers_.push_back(record);
  return std::make_unique<Subscriber>(shared_from_this(), std::move(record));
}

void PublishedName::unsubscribe(const std::shared_ptr<Record>& record) noexcept {
  const std::scoped_lock lock(mutex_);
  std::erase(subscribers_, record);
}

// Posting under the lock: a subscription that is about to go waits for it, and its loop outlives
// it.
void PublishedName::publish(Resolution resolution) {
  auto made = std::make_shared<const Resolution>(std::move(resolution));
  const std::scoped_lock lock(mutex_);
  const bool first = generation_.load(std::memory_order_relaxed) == 0;
  const bool changed = first || made->addresses != resolution_->addresses;
  resolution_ = std::move(made);
  if (!changed) return;
  generation_.fetch_add(1, std::memory_order_release);
  for (const auto& record : subscribers_) {
    record->loop.post(std::make_unique<WakeMail>(record));
  }
}

void PublishedName::close() noexcept {
  refresher_ = nullptr;
  const std::scoped_lock lock(mutex_);
  home_ = nullptr;
}

std::shared_ptr<ResolvedName> fixed_address(const SocketAddress& address) {
  auto name = std::make_shared<PublishedName>(nullptr, nullptr);
  name->publish({.addresses = {address}});
  return name;
}

}  // namespace sluice::net
