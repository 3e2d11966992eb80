// Comparing what is wanted with what is open.
#include "server/net/listener_set.h"

#include <algorithm>
#include <utility>

namespace sluice::net {

namespace {

constexpr int kBacklog = 4096;

}  // namespace

// The open one of this address that is not `taken`: "any free port" may be wanted twice.
const ListenerSet::One* ListenerSet::find(const ListenAddress& address,
                                          const std::vector<uint32_t>& taken) const noexcept {
  const auto found = std::find_if(open_.begin(), open_.end(), [&](const One& one) {
    return one.address == address &&
           std::find(taken.begin(), taken.end(), one.number) == taken.end();
  });
  return found != open_.end() ? &*found : nullptr;
}

std::string ListenerSet::prepare(const std::vector<conf::Listener>& wanted) {
  std::vector<One> fresh;
  std::vector<uint32_t> numbers;
  std::vector<uint16_t> ports;
  for (const conf::Listener& listener : wanted) {
    One one;
    if (std::string error = parse_listen_address(listener.address, one.address); !error.empty())
      return error;
    if (const One* kept = find(one.address, numbers)) {
      numbers.push_back(kept->number);
      ports.push_back(kept->sockets.port());
      continue;
    }
    if (std::string error = one.sockets.open(one.address, workers_, kBacklog); !error.empty())
      return error;
    one.number = next_ + static_cast<uint32_t>(fresh.size());
    numbers.push_back(one.number);
    ports.push_back(one.sockets.port());
    fresh.push_back(std::move(one));
  }
  next_ += static_cast<uint32_t>(fresh.size());
  speak_tls_.clear();
  for (const conf::Listener& listener : wanted) speak_tls_.push_back(listener.tls.has_value());
  prepared_ = std::move(fresh);
  numbers_ = std::move(numbers);
  ports_ = std::move(ports);
  return {};
}

void ListenerSet::start(Workers& workers) {
  for (One& one : prepared_) {
    for (size_t i = 0; i < workers_; ++i)
      workers.listen(i, one.sockets.descriptor(i), one.sockets.shared(), one.number);
    open_.push_back(std::move(one));
  }
  prepared_.clear();
}

std::string ListenerSet::commit(Workers& workers) {
  for (size_t i = 0; i < prepared_.size(); ++i) {
    std::string error = workers.open_listener(prepared_[i].sockets, prepared_[i].number);
    if (error.empty()) continue;
    while (i-- > 0) workers.close_listener(prepared_[i].number);
    prepared_.clear();
    return error;
  }
  std::erase_if(open_, [&](const One& one) {
    if (std::find(numbers_.begin(), numbers_.end(), one.number) != numbers_.end()) return false;
    workers.close_listener(one.number);
    return true;
  });
  std::move(prepared_.begin(), prepared_.end(), std::back_inserter(open_));
  prepared_.clear();
  return {};
}

std::vector<std::string> ListenerSet::urls() const {
  std::vector<std::string> urls;
  for (const One& one : open_) {
    std::string url = one.sockets.url();
    const auto at = std::find(numbers_.begin(), numbers_.end(), one.number) - numbers_.begin();
    const bool tls =
        static_cast<size_t>(at) < numbers_.size() && speak_tls_[static_cast<size_t>(at)];
    if (tls && url.starts_with("http:")) url.insert(4, "s");
    urls.push_back(std::move(url));
  }
  return urls;
}

}  // namespace sluice::net
