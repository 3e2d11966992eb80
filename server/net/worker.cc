// Workers: starting threads, spreading fresh sockets over them, and ending them in order.
//
// What workers share is the Fleet (fleet.h); who goes when the house is full is room_search.h's.
#include "server/net/worker.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <utility>

#include "server/net/fleet.h"
#include "server/net/room_search.h"

namespace sluice::net {
namespace {

// Connections a worker may have more than the least loaded one before it hands a fresh socket over.
// Handing over costs a wake-up of another thread, so small differences are left alone.
constexpr uint32_t kSlack = 2;

// How often a draining worker looks whether its last connection is gone.
constexpr std::chrono::milliseconds kDrainCheck{20};

// For questions that every worker answers or ends before.
constexpr std::chrono::milliseconds kForGood = std::chrono::hours(24 * 365);

std::string epoll_refusal(int error) {
  return std::string("epoll refuses a listening socket: ") + strerrordesc_np(error);
}

// A fresh socket on its way to another worker. Undelivered, it closes.
class HandOver final : public Mail {
 public:
  HandOver(Fleet& fleet, size_t target, AcceptedSocket socket)
      : fleet_(fleet), target_(target), socket_(std::move(socket)) {}
  void deliver() override {
    if (Service* service = fleet_.services[target_]) service->serve(std::move(socket_));
  }

 private:
  Fleet& fleet_;
  size_t target_;
  AcceptedSocket socket_;
};

// Finds the connection that holds most of all workers, and has its worker close it: each worker
// tells what its own largest holds, and who tells last decides.
class LargestVote {
 public:
  explicit LargestVote(size_t count) : held_(count, 0), missing_(count) {}

  // On the worker's thread.
  void cast(Fleet& fleet, size_t worker) {
    const uint64_t held = fleet.services[worker] != nullptr ? fleet.services[worker]->largest() : 0;
    const std::lock_guard lock(mutex_);
    held_[worker] = held;
    if (--missing_ > 0) return;
    const auto most = std::max_element(held_.begin(), held_.end());
    if (*most == 0) return;
    const auto target = static_cast<size_t>(most - held_.begin());
    fleet.loops[target]->post(std::make_unique<Call>([&fleet, target] {
      if (Service* service = fleet.services[target]) service->close_largest();
    }));
  }

 private:
  std::mutex mutex_;
  std::vector<uint64_t> held_;  // guarded by mutex
  size_t missing_;              // likewise
};

}  // namespace

class Worker final : public Acceptor, public Timer {
 public:
  Worker(std::shared_ptr<Fleet> fleet, size_t index, const WorkerOptions& options,
         Workers::MakeService& make_service)
      : fleet_(std::move(fleet)), index_(index), options_(options), make_service_(make_service) {
    fleet_->loops[index] = &loop_;
  }
  // Other workers may post hand-overs to this one's loop until they have ended: all are joined
  // before any is destroyed.
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  void listen(int descriptor, bool shared, uint32_t listener) {
    ListenerOptions options = options_.listener;
    options.shared = shared;
    options.listener = listener;
    listeners_.push_back({listener, std::make_unique<Listener>(loop_, descriptor, *this, options)});
  }
  // 0 or errno.
  int open_listener(const ListenSockets& sockets, uint32_t listener) {
    listen(sockets.descriptor(index_), sockets.shared(), listener);
    return listeners_.back().listener->open();
  }
  // Takes what the kernel has queued first: those clients were told that they are connected.
  void close_listener(uint32_t number) {
    const auto has_number = [number](const Numbered& one) { return one.number == number; };
    for (const Numbered& one : listeners_) {
      if (has_number(one)) one.listener->close();
    }
    std::erase_if(listeners_, has_number);
  }

  void start() {
    thread_ = std::thread([this] { run(); });
    // Shown by top and perf.
    const std::string name = "worker-" + std::to_string(index_);
    pthread_setname_np(thread_.native_handle(), name.c_str());
  }

  void call(std::function<void()> function) {
    loop_.post(std::make_unique<Call>(std::move(function)));
  }
  size_t index() const noexcept { return index_; }
  void visit(const Workers::Visit& visit) {
    if (service_) visit(index_, loop_, *service_);
  }
  void stop_accepting() {
    for (const Numbered& one : listeners_) one.listener->close();
    listeners_.clear();
  }
  void drain() {
    if (!service_) return;
    drain_until_ = loop_.now() + options_.shutdown_timeout;
    service_->drain();
    loop_.timers().set(*this, loop_.now());
  }
  void abort() {
    if (service_) service_->abort_all();
    loop_.stop();
  }

  void on_accepted(int descriptor, const Peer& peer) override {
    Newcomer newcomer{{.descriptor = Descriptor(descriptor), .peer = peer},
                      AddressSlot(fleet_->addresses, peer.block)};
    if (const std::string_view limit = unwelcome(newcomer); !limit.empty())
      return service_->turn_away(std::move(newcomer.socket), limit);
    const uint64_t cap = options_.max_connections;
    const uint64_t connections = fleet_->connections();
    if (connections >= cap) return RoomSearch::begin(*fleet_, index_, cap, std::move(newcomer));
    // At 90 % of the cap idle connections begin to make room.
    if (connections >= cap - cap / 10) RoomSearch::begin(*fleet_, index_, cap, {});
    admit(std::move(newcomer));
  }
  void on_descriptors_exhausted() override { service_->shed_idle(kShedAtOnce); }
  void relieve_memory() {
    if (service_) service_->shed_idle(kShedForMemory);
  }
  void on_timer() override {
    if (service_->connections() == 0) return loop_.stop();
    if (loop_.now() >= drain_until_) return abort();
    loop_.timers().set(*this, loop_.now() + kDrainCheck);
  }

 private:
  static constexpr size_t kShedAtOnce = 16;
  static constexpr size_t kShedForMemory = 1024;

  struct Numbered {
    uint32_t number;
    std::unique_ptr<Listener> listener;
  };

  void run() {
    loop_.bind_to_this_thread();
    service_ = make_service_(index_, loop_);
    fleet_->services[index_] = service_.get();
    if (report_start(open_listeners())) loop_.run();
    listeners_.clear();
    fleet_->services[index_] = nullptr;  // sockets that are still handed over close
    service_->abort_all();
    // Frees what was retired while the service that it refers to still lives.
    loop_.run_once(std::chrono::milliseconds(0));
    service_.reset();
    const std::lock_guard lock(fleet_->mutex);
    fleet_->running[index_] = false;
    fleet_->changed.notify_all();
  }

  std::string open_listeners() {
    for (const Numbered& one : listeners_) {
      if (const int error = one.listener->open()) return epoll_refusal(error);
    }
    return {};
  }

  bool report_start(const std::string& error) {
    const std::lock_guard lock(fleet_->mutex);
    ++fleet_->started;
    if (!error.empty()) fleet_->error = error;
    fleet_->changed.notify_all();
    return error.empty();
  }

  // The limit that keeps a newcomer out whatever room there is, or nothing.
  std::string_view unwelcome(const Newcomer& newcomer) const noexcept {
    if (fleet_->pressure.load(std::memory_order_relaxed) != MemoryPressure::none)
      return "memory_high";
    const uint64_t most = options_.max_per_address;
    if (most != 0 && newcomer.address.number() > most) return "connections_per_address";
    return {};
  }

  void admit(Newcomer newcomer) {
    const size_t target = choose_worker();
    AcceptedSocket& socket = newcomer.socket;
    socket.slot = ConnectionSlot(fleet_->loads[target], std::move(newcomer.address));
    if (target == index_) return service_->serve(std::move(socket));
    fleet_->loops[target]->post(std::make_unique<HandOver>(*fleet_, target, std::move(socket)));
  }

  size_t choose_worker() const noexcept {
    size_t least = index_;
    uint32_t fewest = fleet_->loads[index_].connections.load(std::memory_order_relaxed);
    const uint32_t own = fewest;
    for (size_t i = 0; i < fleet_->loads.size(); ++i) {
      const uint32_t count = fleet_->loads[i].connections.load(std::memory_order_relaxed);
      if (count < fewest) {
        fewest = count;
        least = i;
      }
    }
    return own > fewest + kSlack ? least : index_;
  }

  std::shared_ptr<Fleet> fleet_;
  size_t index_;
  WorkerOptions options_;
  Workers::MakeService& make_service_;
  Loop loop_;
  std::vector<Numbered> listeners_;
  std::unique_ptr<Service> service_;
  Time drain_until_{};
  std::thread thread_;
};

Workers::Workers(size_t count, const WorkerOptions& options, MakeService make_service)
    : fleet_(std::make_shared<Fleet>(count)), make_service_(std::move(make_service)) {
  for (size_t i = 0; i < count; ++i) {
    workers_.push_back(std::make_unique<Worker>(fleet_, i, options, make_service_));
  }
}

Workers::~Workers() {
  abort();
  for (const auto& worker : workers_) worker->join();
}

void Workers::listen(size_t index, int descriptor, bool shared, uint32_t listener) {
  workers_[index]->listen(descriptor, shared, listener);
}

std::string Workers::start() {
  fleet_->running.assign(workers_.size(), true);
  for (const auto& worker : workers_) worker->start();
  std::unique_lock lock(fleet_->mutex);
  fleet_->changed.wait(lock, [this] { return fleet_->started == workers_.size(); });
  return fleet_->error;
}

// Asks all workers at once, each on its thread. True when they have answered within `time`; those
// that never started or have ended are not waited for: they read no mail. An answer that comes
// later finds what it needs: the question lives as long as its mail.
bool Workers::ask(std::function<void(Worker&)> question, std::chrono::milliseconds time) {
  const auto answered = std::make_shared<std::vector<bool>>(workers_.size(), false);
  for (const auto& worker : workers_) {
    worker->call([fleet = fleet_, answered, question, &worker = *worker] {
      question(worker);
      const std::lock_guard lock(fleet->mutex);
      (*answered)[worker.index()] = true;
      fleet->changed.notify_all();
    });
  }
  std::unique_lock lock(fleet_->mutex);
  return fleet_->changed.wait_for(lock, time, [&] {
    for (size_t i = 0; i < answered->size(); ++i) {
      if (!(*answered)[i] && fleet_->running[i]) return false;
    }
    return true;
  });
}

std::string Workers::open_listener(const ListenSockets& sockets, uint32_t listener) {
  std::atomic<int> error{0};
  ask(
      [&](Worker& worker) {
        if (const int failed = worker.open_listener(sockets, listener)) error = failed;
      },
      kForGood);
  if (error == 0) return {};
  close_listener(listener);
  return epoll_refusal(error);
}

void Workers::close_listener(uint32_t listener) {
  ask([listener](Worker& worker) { worker.close_listener(listener); }, kForGood);
}

void Workers::visit(const Visit& visit) {
  ask([&visit](Worker& worker) { worker.visit(visit); }, kForGood);
}

bool Workers::answer_within(std::chrono::milliseconds time) {
  return ask([](Worker&) {}, time);
}

void Workers::stop_accepting() {
  ask([](Worker& worker) { worker.stop_accepting(); }, kForGood);
}

void Workers::drain() {
  for (const auto& worker : workers_) worker->call([&worker = *worker] { worker.drain(); });
}

void Workers::abort() {
  for (const auto& worker : workers_) worker->call([&worker = *worker] { worker.abort(); });
}

bool Workers::wait(std::chrono::milliseconds time) {
  std::unique_lock lock(fleet_->mutex);
  return fleet_->changed.wait_for(lock, time, [this] {
    const std::vector<bool>& running = fleet_->running;
    return std::find(running.begin(), running.end(), true) == running.end();
  });
}

void Workers::set_memory_pressure(MemoryPressure pressure) {
  fleet_->pressure.store(pressure, std::memory_order_relaxed);
  if (pressure == MemoryPressure::none) return;
  for (const auto& worker : workers_)
    worker->call([&worker = *worker] { worker.relieve_memory(); });
  if (pressure != MemoryPressure::critical) return;
  const auto vote = std::make_shared<LargestVote>(workers_.size());
  for (const auto& worker : workers_) {
    worker->call([fleet = fleet_, vote, index = worker->index()] { vote->cast(*fleet, index); });
  }
}

uint32_t Workers::connections(size_t worker) const noexcept {
  return fleet_->loads[worker].connections.load(std::memory_order_relaxed);
}

}  // namespace sluice::net
