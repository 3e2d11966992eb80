// The HTTP service of a worker, end to end over real sockets: listener, worker, connection, fake
// handler.
//
// Names that say Threads start threads and are those for ThreadSanitizer.
#include "server/http/http_service.h"

#include <dirent.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/net/listen_address.h"
#include "unit/server/http/fakes.h"
#include "unit/server/net/sockets.h"

namespace sluice::http {
namespace {

using net::Descriptor;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A router with a handler of its own, as each worker has one.
class FakeRouter final : public Router {
 public:
  explicit FakeRouter(const conf::Limits& limits)
      : route_{.handler = &handler_, .filters = {}, .body_limit = limits.body} {}
  const Route& route(const RequestHead&, RouteSearch& search) override {
    listener = search.listener;
    return route_;
  }

  uint32_t listener = UINT32_MAX;  // of the last request

 private:
  FakeHandler handler_;
  Route route_;
};

ServingRules rules(const conf::Limits& limits) {
  return {.router = Ref<Router>(new FakeRouter(limits)),
          .listeners = {Ref<ListenerSettings>(new ListenerSettings(0, {.values = limits}))}};
}

class ServiceThreads {
 public:
  explicit ServiceThreads(uint64_t cap = 1000, size_t count = 1) {
    net::ignore_broken_pipes();
    net::ListenAddress address;
    EXPECT_EQ(net::parse_listen_address("127.0.0.1:0", address), "");
    EXPECT_EQ(sockets.open(address, count, 256), "");
    port_ = net::local_port(sockets.descriptor(0));
    const net::WorkerOptions options{
        .listener = {.turn_accept = 64, .accept_pause = milliseconds(20)},
        .max_connections = cap,
        .shutdown_timeout = seconds(20)};
    workers = std::make_unique<net::Workers>(count, options, [this](size_t, net::Loop& loop) {
      return std::make_unique<HttpService>(std::make_shared<WorkerResources>(loop, limits),
                                           rules(limits), nullptr);
    });
    for (size_t i = 0; i < count; ++i) workers->listen(i, sockets.descriptor(i), false);
  }
  void start() { ASSERT_EQ(workers->start(), ""); }

  Descriptor connect() {
    Descriptor client = net::tcp_socket();
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(net::connect_to(client.get(), port_), 0);
    return client;
  }
  uint32_t counted() const {
    uint32_t all = 0;
    for (size_t i = 0; i < workers->count(); ++i) all += workers->connections(i);
    return all;
  }
  bool counts_down_to(uint32_t wanted) const {
    const net::Time end = net::Clock::now() + seconds(10);
    while (counted() != wanted && net::Clock::now() < end) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    return counted() == wanted;
  }

  const conf::Limits limits{};
  net::ListenSockets sockets;
  std::unique_ptr<net::Workers> workers;

 private:
  uint16_t port_ = 0;
};

std::string get(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: sluice.test\r\n\r\n";
}

// Receives up to and including `end`, octet by octet: nothing of the next response is taken.
std::string receive_until(const Descriptor& client, std::string_view end) {
  std::string text;
  while (!text.ends_with(end)) {
    const std::string octet = net::receive(client.get(), 1);
    if (octet.empty()) return text + " (and then the end)";
    text += octet;
  }
  return text;
}

// Asks for `path` and receives the whole answer of the fake handler.
std::string ask(const Descriptor& client, std::string_view path) {
  net::send_all(client.get(), get(path));
  return receive_until(client, "hello GET " + std::string(path));
}

// A connection in the middle of an exchange: the response has begun and waits for the rest of the
// request.
Descriptor busy_client(ServiceThreads& threads) {
  Descriptor client = threads.connect();
  net::send_all(client.get(),
                "POST /echo HTTP/1.1\r\nHost: sluice.test\r\nContent-Length: 8\r\n\r\nhalf");
  EXPECT_TRUE(receive_until(client, "\r\n\r\nhalf").starts_with("HTTP/1.1 200 "));
  return client;
}

// Everything until the end, which has to be in good order.
std::string receive_rest(const Descriptor& client) {
  std::string text = net::receive(client.get(), 100'000);
  EXPECT_TRUE(net::ends_in_good_order(client.get()));
  return text;
}

size_t open_descriptors() {
  size_t count = 0;
  DIR* const folder = opendir("/proc/self/fd");
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count;
}

TEST(HttpServiceThreads, KeepsAConnectionForManyRequests) {
  ServiceThreads threads;
  threads.start();
  const Descriptor client = threads.connect();
  for (const std::string path : {"/one", "/two", "/three"}) {
    const std::string answer = ask(client, path);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
    EXPECT_EQ(answer.find("Connection: close"), std::string::npos) << answer;
  }
  EXPECT_EQ(threads.counted(), 1u);
}

TEST(HttpServiceThreads, AnswersAPipelineInOrder) {
  ServiceThreads threads;
  threads.start();
  const Descriptor client = threads.connect();
  std::string requests;
  for (int i = 0; i < 100; ++i) requests += get("/" + std::to_string(i));
  net::send_all(client.get(), requests);
  for (int i = 0; i < 100; ++i) {
    const std::string answer = receive_until(client, "hello GET /" + std::to_string(i));
    ASSERT_EQ(answer.find("HTTP/1.1 200 OK\r\n"), 0u) << answer;
    ASSERT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << answer;
  }
}

TEST(HttpServiceThreads, ServesConnectionsThatWereHandedOver) {
  ServiceThreads threads(1000, 4);
  std::vector<Descriptor> clients;
  for (int i = 0; i < 64; ++i) {
    clients.push_back(threads.connect());
    net::send_all(clients.back().get(), get("/" + std::to_string(i)));
  }
  threads.start();
  for (int i = 0; i < 64; ++i) {
    const std::string answer =
        receive_until(clients[static_cast<size_t>(i)], "hello GET /" + std::to_string(i));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  }
  for (size_t i = 0; i < 4; ++i) EXPECT_LE(threads.workers->connections(i), 20u) << i;
}

TEST(HttpServiceThreads, TurnsAwayWith503WhenAllAreBusy) {
  ServiceThreads threads(2);
  threads.start();
  const Descriptor first = busy_client(threads);
  const Descriptor second = busy_client(threads);
  const Descriptor third = threads.connect();
  net::send_all(third.get(), get("/"));
  const std::string answer = receive_rest(third);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n")) << answer;
  EXPECT_NE(answer.find("\r\nContent-Length: 24\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n503 Service Unavailable\n")) << answer;
  net::send_all(first.get(), "more");
  EXPECT_EQ(net::receive(first.get(), 4), "more") << "those who were there are served on";
}

TEST(HttpServiceThreads, IdleConnectionsMakeRoomForNewcomers) {
  ServiceThreads threads(2);
  threads.start();
  const Descriptor longest_idle = threads.connect();
  ask(longest_idle, "/");
  const Descriptor idle = threads.connect();
  ask(idle, "/");
  std::this_thread::sleep_for(milliseconds(150));
  ask(idle, "/again");
  const Descriptor newcomer = threads.connect();
  EXPECT_TRUE(ask(newcomer, "/new").starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(receive_rest(longest_idle), "");
  EXPECT_TRUE(ask(idle, "/on").starts_with("HTTP/1.1 200 OK\r\n"));
}

// A connection that has only just come is about to send its request: newcomers of one burst do not
// close each other.
TEST(HttpService, SparesConnectionsThatHaveOnlyBegunToIdle) {
  const conf::Limits limits{};
  net::Loop loop;
  loop.bind_to_this_thread();
  HttpService service(std::make_shared<WorkerResources>(loop, limits), rules(limits), nullptr);
  net::Pair newcomer = net::tcp_pair();
  service.serve({.descriptor = std::move(newcomer.ours)});
  service.shed_idle(1);  // the loop's clock has not moved
  EXPECT_EQ(service.connections(), 1u);
  std::this_thread::sleep_for(milliseconds(150));
  loop.run_once(milliseconds(0));
  service.shed_idle(1);
  EXPECT_EQ(service.connections(), 0u);
  loop.run_once(milliseconds(0));
  EXPECT_TRUE(net::ends_in_good_order(newcomer.theirs.get()));
}

// What waited in the queue of a listener that a reload removed is not let in by another's door.
TEST(HttpService, AConnectionOfNoListenerIsOfNoOther) {
  const conf::Limits limits{};
  net::Loop loop;
  loop.bind_to_this_thread();
  ServingRules made = rules(limits);
  const auto& router = static_cast<const FakeRouter&>(*made.router);
  HttpService service(std::make_shared<WorkerResources>(loop, limits), std::move(made), nullptr);
  net::Pair pair = net::tcp_pair();
  service.serve({.descriptor = std::move(pair.ours), .peer = {.listener = 7}});
  net::send_all(pair.theirs.get(), "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  for (int i = 0; i < 200 && router.listener == UINT32_MAX; ++i) loop.run_once(milliseconds(10));
  EXPECT_EQ(router.listener, 7u);
  service.abort_all();
  loop.run_once(milliseconds(0));
}

// A service with a connection of each of these addresses, which have begun to idle in this order.
struct IdleCrowd {
  explicit IdleCrowd(const std::vector<net::AddressBlock>& blocks) {
    loop.bind_to_this_thread();
    for (net::AddressBlock block : blocks) {
      net::Pair pair = net::tcp_pair();
      service.serve({.descriptor = std::move(pair.ours), .peer = {.block = block}});
      clients.push_back(std::move(pair.theirs));
      std::this_thread::sleep_for(milliseconds(2));
      loop.run_once(milliseconds(0));
    }
  }
  ~IdleCrowd() {
    service.abort_all();
    loop.run_once(milliseconds(0));
  }
  // Whether the connection of that client has been closed.
  bool gone(size_t client) {
    loop.run_once(milliseconds(0));
    char octet = 0;
    return recv(clients[client].get(), &octet, 1, MSG_DONTWAIT) == 0;
  }

  conf::Limits limits{.idle_grace = milliseconds(0)};
  net::Loop loop;
  KeepingLog log;
  HttpService service{std::make_shared<WorkerResources>(loop, limits), rules(limits), &log};
  std::vector<Descriptor> clients;
};

TEST(HttpService, ShedsTheLongestIdleOfAnAddress) {
  IdleCrowd crowd({8, 7, 7, 8});
  EXPECT_FALSE(crowd.service.shed_idle_of(9)) << "it has none of these";
  EXPECT_TRUE(crowd.service.shed_idle_of(7));
  EXPECT_TRUE(crowd.gone(1));
  EXPECT_FALSE(crowd.gone(2));
  net::send_all(crowd.clients[2].get(), "GET / HT");
  crowd.loop.run_once(milliseconds(100));
  EXPECT_FALSE(crowd.service.shed_idle_of(7)) << "the other one is not idle now";
  EXPECT_EQ(crowd.service.shed_idle(1), 1u);
  EXPECT_TRUE(crowd.gone(0)) << "the longest of all";
  EXPECT_EQ(crowd.service.connections(), 2u);
}

// Peers of Unix sockets have no address, and are nobody's.
TEST(HttpService, ShedsNobodyWithoutAnAddressByAddress) {
  IdleCrowd crowd({0, 0});
  EXPECT_FALSE(crowd.service.shed_idle_of(0));
  EXPECT_EQ(crowd.service.shed_idle(5), 2u);
}

// Those that are looked at go to the end of the list: the next look finds others.
TEST(HttpService, FindsAnIdleOneBehindManyThatAreNot) {
  constexpr size_t kBusy = AddressGroups::kLookedAt + 10;
  IdleCrowd crowd(std::vector<net::AddressBlock>(kBusy + 1, 5));
  for (size_t i = 0; i < kBusy; ++i) net::send_all(crowd.clients[i].get(), "GET / HT");
  for (int i = 0; i < 4; ++i) crowd.loop.run_once(milliseconds(20));
  EXPECT_FALSE(crowd.service.shed_idle_of(5)) << "looks at some of them";
  EXPECT_TRUE(crowd.service.shed_idle_of(5));
  EXPECT_TRUE(crowd.gone(kBusy));
}

TEST(HttpService, LogsWhomItTurnsAwayWithTheLimit) {
  IdleCrowd crowd({});
  net::Pair pair = net::tcp_pair();
  net::send_all(pair.theirs.get(), get("/"));
  crowd.service.turn_away({.descriptor = std::move(pair.ours)}, "connections_per_address");
  EXPECT_TRUE(receive_rest(pair.theirs).starts_with("HTTP/1.1 503 ")) << "and no reset";
  ASSERT_EQ(crowd.log.entries.size(), 1u);
  EXPECT_EQ(crowd.log.entries[0].status, 503);
  EXPECT_EQ(crowd.log.entries[0].limit, "connections_per_address");
}

TEST(HttpServiceThreads, ForgetsConnectionsThatClosed) {
  ServiceThreads threads;
  threads.start();
  std::vector<Descriptor> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(i % 2 == 0 ? threads.connect() : busy_client(threads));
    if (i % 3 == 0) net::reset_on_close(clients.back().get());
  }
  EXPECT_TRUE(threads.counts_down_to(20)) << "accepted, all of them";
  clients.clear();
  EXPECT_TRUE(threads.counts_down_to(0)) << threads.counted();
}

TEST(HttpServiceThreads, DrainingFinishesExchangesAndEndsIdleConnections) {
  ServiceThreads threads;
  threads.start();
  const Descriptor idle = threads.connect();
  ask(idle, "/");
  const Descriptor busy = busy_client(threads);
  threads.workers->stop_accepting();
  threads.workers->drain();
  EXPECT_EQ(receive_rest(idle), "");
  EXPECT_FALSE(threads.workers->wait(milliseconds(50)));
  net::send_all(busy.get(), "done");
  EXPECT_EQ(receive_rest(busy), "done");
}

TEST(HttpServiceThreads, DrainingEndsTheWorkers) {
  ServiceThreads threads(1000, 3);
  threads.start();
  std::vector<Descriptor> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(busy_client(threads));
  threads.workers->stop_accepting();
  threads.workers->drain();
  for (const Descriptor& client : clients) {
    net::send_all(client.get(), "done");
    EXPECT_EQ(receive_rest(client), "done");
  }
  clients.clear();  // a lingering close waits for the client's end
  EXPECT_TRUE(threads.workers->wait(seconds(10)));
  EXPECT_EQ(threads.counted(), 0u);
}

// Whoever sent its request before the drain is not left without an answer.
TEST(HttpServiceThreads, DrainingAnswersWhatHasAlreadyArrived) {
  for (int round = 0; round < 20; ++round) {
    ServiceThreads threads;
    std::vector<Descriptor> clients;
    for (int i = 0; i < 10; ++i) {
      clients.push_back(threads.connect());
      net::send_all(clients.back().get(), get("/waiting"));
    }
    threads.start();
    threads.workers->stop_accepting();
    threads.workers->drain();
    for (const Descriptor& client : clients) {
      const std::string answer = receive_rest(client);
      ASSERT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << "got: " << answer;
      ASSERT_TRUE(answer.ends_with("hello GET /waiting")) << answer;
    }
  }
}

// The same without a race: the drain comes before the loop has seen the socket's event.
TEST(HttpService, DrainingLooksForRequestsBeforeItClosesIdleConnections) {
  const conf::Limits limits{};
  net::Loop loop;
  loop.bind_to_this_thread();
  HttpService service(std::make_shared<WorkerResources>(loop, limits), rules(limits), nullptr);
  net::Pair asking = net::tcp_pair();
  net::Pair silent = net::tcp_pair();
  net::send_all(asking.theirs.get(), get("/"));
  service.serve({.descriptor = std::move(asking.ours)});
  service.serve({.descriptor = std::move(silent.ours)});
  service.drain();
  for (int i = 0; i < 4; ++i) loop.run_once(milliseconds(0));
  const std::string answer = receive_rest(asking.theirs);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << "got: " << answer;
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), std::string::npos) << answer;
  EXPECT_EQ(receive_rest(silent.theirs), "");
  asking.theirs = Descriptor();
  silent.theirs = Descriptor();
  EXPECT_TRUE(net::turn_until(loop, [&] { return service.connections() == 0; }));
}

// A connection that is opened after the drain began (it was on its way from another worker) ends
// like the others.
TEST(HttpService, ConnectionsOpenedWhileDrainingGetOneAnswerOrEnd) {
  const conf::Limits limits{};
  net::Loop loop;
  loop.bind_to_this_thread();
  HttpService service(std::make_shared<WorkerResources>(loop, limits), rules(limits), nullptr);
  service.drain();
  net::Pair asking = net::tcp_pair();
  net::Pair silent = net::tcp_pair();
  net::send_all(asking.theirs.get(), get("/"));
  service.serve({.descriptor = std::move(asking.ours)});
  service.serve({.descriptor = std::move(silent.ours)});
  for (int i = 0; i < 4; ++i) loop.run_once(milliseconds(0));
  EXPECT_TRUE(receive_rest(asking.theirs).ends_with("hello GET /"));
  EXPECT_EQ(receive_rest(silent.theirs), "");
  service.abort_all();
  loop.run_once(milliseconds(0));
}

TEST(HttpServiceThreads, AbortingCutsVisibly) {
  ServiceThreads threads;
  threads.start();
  const Descriptor busy = busy_client(threads);
  threads.workers->abort();
  EXPECT_TRUE(threads.workers->wait(seconds(10)));
  EXPECT_EQ(net::receive(busy.get(), 4), "") << "four octets short of its Content-Length";
  EXPECT_EQ(threads.counted(), 0u);
}

TEST(HttpServiceThreads, LeakNoDescriptors) {
  { ServiceThreads warm_up; }
  const size_t before = open_descriptors();
  for (int round = 0; round < 3; ++round) {
    ServiceThreads threads(8, 2);
    threads.start();
    std::vector<Descriptor> clients;
    for (int i = 0; i < 6; ++i) clients.push_back(busy_client(threads));
    for (int i = 0; i < 6; ++i) clients.push_back(threads.connect());  // some are turned away
    threads.workers->stop_accepting();
    threads.workers->drain();
    if (round > 0) clients.clear();
  }
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace sluice::http
