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
  Known known;
  for (const conf::Listener& listener : wanted) {
    known.speak_tls.push_back(listener.tls.has_value());
    One one;
    if (std::string error = parse_listen_address(listener.address, one.address); !error.empty())
      return error;
    if (const One* kept = find(one.address, known.numbers)) {
      known.numbers.push_back(kept->number);
      known.ports.push_back(kept->sockets.port());
      continue;
    }
    if (std::string error = one.sockets.open(one.address, workers_, kBacklog); !error.empty())
      return error;
    one.number = next_ + static_cast<uint32_t>(fresh.size());
    known.numbers.push_back(one.number);
    known.ports.push_back(one.sockets.port());
    fresh.push_back(std::move(one));
  }
  next_ += static_cast<uint32_t>(fresh.size());
  prepared_ = std::move(fresh);
  before_ = std::exchange(known_, std::move(known));
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
    known_ = before_;
    return error;
  }
  std::erase_if(open_, [&](const One& one) {
    const std::vector<uint32_t>& wanted = known_.numbers;
    if (std::find(wanted.begin(), wanted.end(), one.number) != wanted.end()) return false;
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
    const std::vector<uint32_t>& numbers = known_.numbers;
    const auto at = static_cast<size_t>(std::find(numbers.begin(), numbers.end(), one.number) -
                                        numbers.begin());
    const bool tls = at < numbers.size() && known_.speak_tls[at];
    if (tls && url.starts_with("http:")) url.insert(4, "s");
    urls.push_back(std::move(url));
  }
  return urls;
}

}  // namespace sluice::net
