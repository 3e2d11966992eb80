// Workers over real listening sockets, with a service that answers with its worker's number.
#pragma once

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/net/listen_address.h"
#include "server/net/worker.h"
#include "unit/server/net/sockets.h"

namespace sluice::net {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr size_t kMostWorkers = 4;

// What the services did, for the test's thread to read.
struct Notes {
  struct OfWorker {
    std::atomic<int> served{0};
    std::atomic<int> most{0};  // connections at once
    std::atomic<int> turned_away{0};
    std::atomic<int> turned_away_for_address{0};
    std::atomic<int> turned_away_for_memory{0};
    std::atomic<int> shed{0};             // of any address
    std::atomic<int> shed_of_address{0};  // asked for
    std::atomic<int> closed_largest{0};
    std::atomic<int> drained{0};
    std::atomic<int> aborted{0};
  };
  std::array<std::atomic<int>, 4> came_through{};  // by Peer::listener
  std::array<OfWorker, kMostWorkers> workers;

  int sum(std::atomic<int> OfWorker::*what) const {
    int all = 0;
    for (const OfWorker& worker : workers) all += (worker.*what).load();
    return all;
  }
};

// Greets with its worker's digit, then sends back what it is sent, until the client closes. Says
// "-" to those it turns away. Draining, it leaves its connections alone; they end when their
// clients want.
class EchoService final : public Service {
 public:
  EchoService(Loop& loop, size_t worker, Notes& notes, bool obeys_shedding)
      : loop_(loop),
        worker_(worker),
        notes_(notes.workers[worker]),
        all_(notes),
        obeys_(obeys_shedding) {}

  void serve(AcceptedSocket socket) override {
    ++notes_.served;
    ++all_.came_through.at(socket.peer.listener);
    auto connection = std::make_unique<Connection>(*this, std::move(socket));
    ASSERT_EQ(loop_.watch(connection->descriptor(), *connection), 0);
    const char greeting = static_cast<char>('0' + worker_);
    send_all(connection->descriptor(), {&greeting, 1});
    live_.push_back(connection.release());
    notes_.most = std::max<int>(notes_.most, static_cast<int>(live_.size()));
  }
  void turn_away(AcceptedSocket socket, std::string_view limit) override {
    ++notes_.turned_away;
    if (limit == "connections_per_address") ++notes_.turned_away_for_address;
    if (limit == "memory_high") ++notes_.turned_away_for_memory;
    send_all(socket.descriptor.get(), "-");
  }
  size_t shed_idle(size_t count) override {
    notes_.shed += static_cast<int>(count);
    if (!obeys_) return 0;
    const size_t shed = std::min(count, live_.size());
    for (size_t left = shed; left > 0; --left) end(*live_.front());
    return shed;
  }
  bool shed_idle_of(AddressBlock block) override {
    ++notes_.shed_of_address;
    const auto one = std::find_if(live_.begin(), live_.end(), [&](const Connection* connection) {
      return connection->peer().block == block;
    });
    if (!obeys_ || one == live_.end()) return false;
    end(**one);
    return true;
  }
  uint64_t largest() const override { return live_.empty() ? 0 : 1000 + worker_; }
  void close_largest() override {
    ++notes_.closed_largest;
    if (!live_.empty()) end(*live_.front());
  }
  void drain() override { ++notes_.drained; }
  void abort_all() override {
    ++notes_.aborted;
    while (!live_.empty()) end(*live_.front());
  }
  size_t connections() const override { return live_.size(); }

 private:
  class Connection final : public EventTarget, public Retired {
   public:
    Connection(EchoService& service, AcceptedSocket socket)
        : service_(service), socket_(std::move(socket)) {}
    int descriptor() const { return socket_.descriptor.get(); }
    const Peer& peer() const { return socket_.peer; }
    void give_slot_back() { socket_.slot = ConnectionSlot(); }
    void on_event(uint32_t) override {
      std::array<char, 4096> room;
      ssize_t count = 0;
      while (!ended_ && (count = recv(descriptor(), room.data(), room.size(), 0)) > 0) {
        send_all(descriptor(), {room.data(), static_cast<size_t>(count)});
      }
      if (!ended_ && (count == 0 || errno != EAGAIN)) service_.end(*this);
    }
    bool ended_ = false;

   private:
    EchoService& service_;
    AcceptedSocket socket_;
  };

  void end(Connection& connection) {
    connection.ended_ = true;
    connection.give_slot_back();
    live_.erase(std::find(live_.begin(), live_.end(), &connection));
    loop_.retire(std::unique_ptr<Retired>(&connection));
  }

  Loop& loop_;
  size_t worker_;
  Notes::OfWorker& notes_;
  Notes& all_;
  bool obeys_;
  std::vector<Connection*> live_;  // each owns itself until it is retired
};

inline size_t open_descriptors() {
  size_t count = 0;
  DIR* const folder = opendir("/proc/self/fd");
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

// Waits until `done` or until ten seconds are over (sanitizers and busy machines are slow); returns
// done().
template <typename Done>
bool eventually(Done done) {
  const Time end = Clock::now() + seconds(10);
  while (!done() && Clock::now() < end) std::this_thread::sleep_for(milliseconds(1));
  return done();
}

struct Setting {
  size_t workers = kMostWorkers;
  size_t listening = kMostWorkers;  // how many of them have a listener
  size_t first_listening = 0;
  uint64_t max_connections = 1000;
  uint64_t max_per_address = 0;
  milliseconds shutdown_timeout = seconds(20);
  bool obeys_shedding = false;
};

class Threads {
 public:
  explicit Threads(const Setting& setting = {}) : setting_(setting) {
    ignore_broken_pipes();
    ListenAddress address;
    EXPECT_EQ(parse_listen_address("127.0.0.1:0", address), "");
    EXPECT_EQ(sockets.open(address, setting.listening, 256), "");
    port_ = local_port(sockets.descriptor(0));
    const WorkerOptions options{.listener = {.turn_accept = 64, .accept_pause = milliseconds(20)},
                                .max_connections = setting.max_connections,
                                .max_per_address = setting.max_per_address,
                                .shutdown_timeout = setting.shutdown_timeout};
    workers =
        std::make_unique<Workers>(setting.workers, options, [this](size_t worker, Loop& loop) {
          return std::make_unique<EchoService>(loop, worker, notes, setting_.obeys_shedding);
        });
    for (size_t i = 0; i < setting.listening; ++i) {
      workers->listen(setting.first_listening + i, sockets.descriptor(i), false);
    }
  }
  void start() { ASSERT_EQ(workers->start(), ""); }

  // A client that connected; what it receives comes within ten seconds or not at all.
  Descriptor connect() {
    Descriptor client = tcp_socket();
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(connect_to(client.get(), port_), 0);
    return client;
  }
  // The same, greeted by its worker.
  Descriptor connect_greeted() {
    Descriptor client = connect();
    EXPECT_NE(receive(client.get(), 1), "");
    return client;
  }
  std::vector<Descriptor> connect_many(size_t count) {
    std::vector<Descriptor> clients;
    for (size_t i = 0; i < count; ++i) clients.push_back(connect());
    return clients;
  }
  uint32_t counted() const {
    uint32_t all = 0;
    for (size_t i = 0; i < workers->count(); ++i) all += workers->connections(i);
    return all;
  }
  uint16_t port() const { return port_; }

  Notes notes;
  ListenSockets sockets;
  std::unique_ptr<Workers> workers;

 private:
  Setting setting_;
  uint16_t port_ = 0;
};

}  // namespace sluice::net
