// The resolver against a name server of ours: what is published, what is kept, and how soon what
// has changed is seen.
#include "server/net/resolver.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "unit/server/net/dns_server.h"
#include "unit/server/net/sockets.h"

namespace sluice::net {
namespace {

using std::chrono::milliseconds;
using Texts = std::vector<std::string>;

Texts texts(const ResolvedName& name) {
  Texts made;
  for (const SocketAddress& address : name.resolution()->addresses) made.push_back(address.text());
  return made;
}

class ResolverTest : public testing::Test {
 protected:
  // Looks up as often as it may, so that a test sees the next answer soon.
  Resolver& resolver(milliseconds least = milliseconds(100)) {
    if (resolver_ == nullptr) {
      resolver_ = std::make_unique<Resolver>(
          loop_,
          ResolverOptions{.least = least,
                          .most = milliseconds(10 * least),
                          .hosts_file = files_.hosts_file(),
                          .configuration_file = files_.configuration_file()},
          [this](const std::string& line) { log_.push_back(line); });
    }
    return *resolver_;
  }
  bool turn(const std::function<bool()>& done, int seconds = 8) {
    const Time end = Clock::now() + std::chrono::seconds(seconds);
    while (!done() && Clock::now() < end) loop_.run_once(milliseconds(20));
    return done();
  }
  // Turns the loop until the addresses are these.
  testing::AssertionResult becomes(const ResolvedName& name, const Texts& expected) {
    if (turn([&] { return name.generation() > 0 && texts(name) == expected; })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure()
           << testing::PrintToString(texts(name)) << ", generation " << name.generation()
           << ", problem '" << name.resolution()->problem << "'";
  }
  testing::AssertionResult fails(const ResolvedName& name, const std::string& problem) {
    if (turn([&] { return name.resolution()->problem == problem; })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "problem '" << name.resolution()->problem << "'";
  }

  Loop loop_;
  DnsServer server_;
  DnsFiles files_{server_};
  Texts log_;
  std::unique_ptr<Resolver> resolver_;
};

TEST_F(ResolverTest, FamiliesTakeTurnsWithIpv6First) {
  server_.set("app.test", {"192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"});
  const auto name = resolver().resolve("app.test", 80);
  EXPECT_EQ(name->generation(), 0u);
  EXPECT_TRUE(name->resolution()->addresses.empty());
  EXPECT_TRUE(becomes(*name, {"[2001:db8::1]:80", "192.0.2.1:80", "192.0.2.2:80", "192.0.2.3:80"}));
  EXPECT_EQ(name->generation(), 1u) << "both families are one change";
  EXPECT_TRUE(log_.empty());
}

TEST_F(ResolverTest, TheSameHostAndPortAreTheSameObject) {
  server_.set("app.test", {"192.0.2.1"});
  const auto name = resolver().resolve("app.test", 80);
  EXPECT_EQ(resolver().resolve("app.test", 80), name);
  EXPECT_NE(resolver().resolve("app.test", 81), name);
}

TEST_F(ResolverTest, ANumericAddressIsNeverAskedFor) {
  const auto name = resolver().resolve("2001:db8::7", 8080);
  EXPECT_EQ(name->generation(), 1u);
  EXPECT_EQ(texts(*name), Texts{"[2001:db8::7]:8080"});
  name->refresh();
  loop_.run_once(milliseconds(0));
  EXPECT_EQ(server_.asked("2001:db8::7", DnsType::aaaa), 0);
}

TEST_F(ResolverTest, OtherAddressesReplaceTheOldOnesThoughTheTtlIsLong) {
  server_.set("app.test", {"192.0.2.1"});
  const auto name = resolver().resolve("app.test", 80);
  ASSERT_TRUE(becomes(*name, {"192.0.2.1:80"}));
  server_.set("app.test", {"192.0.2.2"});
  EXPECT_TRUE(becomes(*name, {"192.0.2.2:80"}));
  EXPECT_EQ(name->generation(), 2u);
}

TEST_F(ResolverTest, AnotherOrderOfTheSameAddressesIsNoNews) {
  server_.set("app.test", {"192.0.2.1", "192.0.2.2"});
  server_.set("app.test", DnsType::a,
              {.records = {address_record("192.0.2.1"), address_record("192.0.2.2")}, .ttl = 0});
  const auto name = resolver().resolve("app.test", 80);
  ASSERT_TRUE(becomes(*name, {"192.0.2.1:80", "192.0.2.2:80"}));
  server_.set("app.test", DnsType::a,
              {.records = {address_record("192.0.2.2"), address_record("192.0.2.1")}, .ttl = 0});
  const int before = server_.asked("app.test", DnsType::a);
  ASSERT_TRUE(turn([&] { return server_.asked("app.test", DnsType::a) > before + 2; }));
  EXPECT_EQ(texts(*name), (Texts{"192.0.2.1:80", "192.0.2.2:80"}));
  EXPECT_EQ(name->generation(), 1u);
}

TEST_F(ResolverTest, TtlsAreClampedAtBothEnds) {
  server_.set("long.test", {"192.0.2.1"});  // 600 s; most is 1 s
  server_.set("short.test", {"192.0.2.2"});
  server_.set("short.test", DnsType::a, {.records = {address_record("192.0.2.2")}, .ttl = 0});
  const auto long_name = resolver().resolve("long.test", 80);
  const auto short_name = resolver().resolve("short.test", 80);
  ASSERT_TRUE(becomes(*long_name, {"192.0.2.1:80"}));
  ASSERT_TRUE(becomes(*short_name, {"192.0.2.2:80"}));
  const Time end = Clock::now() + milliseconds(1'600);
  while (Clock::now() < end) loop_.run_once(milliseconds(20));
  EXPECT_EQ(server_.asked("long.test", DnsType::a), 2);
  EXPECT_GE(server_.asked("short.test", DnsType::a), 4);
  EXPECT_LE(server_.asked("short.test", DnsType::a), 18) << "at most every 100 ms";
}

struct Failure {
  const char* what;
  DnsReply reply;
  std::string problem;
  std::string_view error;
};

class ResolverFailureTest : public ResolverTest, public testing::WithParamInterface<Failure> {};

TEST_P(ResolverFailureTest, TakesNothingAwayAndSaysWhy) {
  const Failure& failure = GetParam();
  server_.set("app.test", {"192.0.2.1", "2001:db8::1"});
  const auto name = resolver().resolve("app.test", 80);
  const Texts known = {"[2001:db8::1]:80", "192.0.2.1:80"};
  ASSERT_TRUE(becomes(*name, known));
  server_.set_both("app.test", failure.reply);
  EXPECT_TRUE(fails(*name, failure.problem));
  EXPECT_EQ(name->resolution()->error, failure.error);
  EXPECT_EQ(texts(*name), known);
  EXPECT_EQ(name->generation(), 1u);
  EXPECT_EQ(log_, Texts{"upstream name 'app.test': " + failure.problem +
                        "; still used: [2001:db8::1]:80, 192.0.2.1:80"});
}

constexpr const char* kNobodyCould =
    "no name server could answer (SERVFAIL, REFUSED, or none is there)";

INSTANTIATE_TEST_SUITE_P(
    All, ResolverFailureTest,
    testing::Values(
        Failure{"nxdomain", {.code = 3}, "no such name (NXDOMAIN)", "dns_error"},
        Failure{"no_data", {}, "the name has no address", "dns_error"},
        Failure{"servfail", {.code = 2}, kNobodyCould, "dns_error"},
        Failure{"refused", {.code = 5}, kNobodyCould, "dns_error"},
        Failure{"cut",
                {.records = {std::string(4, 'a'), std::string(16, 'b')}, .cut = 30},
                "the name server's answer cannot be read",
                "dns_error"},
        Failure{"not_our_question",
                {.raw = std::string("\x81\x80\x00\x01\x00\x05\x00\x00\x00\x00\xC0", 11)},
                "no name server answered in time",
                "dns_timeout"},
        Failure{"silent", {.silent = true}, "no name server answered in time", "dns_timeout"}),
    [](const auto& one) { return one.param.what; });

TEST_F(ResolverTest, ANameThatDoesNotResolveAtStartRecoversByItself) {
  const auto name = resolver().resolve("app.test", 80);
  ASSERT_TRUE(fails(*name, "no such name (NXDOMAIN)"));
  EXPECT_EQ(name->generation(), 1u) << "the first outcome, though bad, is one";
  EXPECT_TRUE(name->resolution()->addresses.empty());
  ASSERT_TRUE(turn([&] { return server_.asked("app.test", DnsType::a) >= 3; }));
  server_.set("app.test", {"192.0.2.1"});
  EXPECT_TRUE(becomes(*name, {"192.0.2.1:80"}));
  EXPECT_EQ(name->resolution()->problem, "");
  EXPECT_EQ(name->resolution()->error, "");
  EXPECT_EQ(log_, (Texts{"upstream name 'app.test': no such name (NXDOMAIN)",
                         "upstream name 'app.test': resolved again: 192.0.2.1:80"}));
}

TEST_F(ResolverTest, OneFamilyIsUsedWhenTheOtherFails) {
  server_.set("app.test", {"192.0.2.1"});
  server_.set("app.test", DnsType::aaaa, {.code = 2});
  const auto name = resolver().resolve("app.test", 80);
  EXPECT_TRUE(becomes(*name, {"192.0.2.1:80"}));
  EXPECT_EQ(name->resolution()->problem, "");
}

TEST_F(ResolverTest, AFamilyThatFailsKeepsItsAddresses) {
  server_.set("app.test", {"192.0.2.1", "2001:db8::1"});
  const auto name = resolver().resolve("app.test", 80);
  ASSERT_TRUE(becomes(*name, {"[2001:db8::1]:80", "192.0.2.1:80"}));
  server_.set("app.test", {"192.0.2.2"});
  server_.set("app.test", DnsType::aaaa, {.code = 2});
  EXPECT_TRUE(becomes(*name, {"[2001:db8::1]:80", "192.0.2.2:80"}));
  server_.set("app.test", DnsType::aaaa, {});
  EXPECT_TRUE(becomes(*name, {"192.0.2.2:80"})) << "an answer says that there is none";
}

TEST_F(ResolverTest, ASlowFamilyIsWaitedForHalfASecondAndThenAdded) {
  server_.set("app.test", {"192.0.2.1", "2001:db8::1"});
  server_.set("app.test", DnsType::aaaa,
              {.records = {address_record("2001:db8::1")}, .delay = milliseconds(900)});
  const auto name = resolver(milliseconds(3'000)).resolve("app.test", 80);
  const Time begin = Clock::now();
  ASSERT_TRUE(turn([&] { return name->generation() == 1; }));
  EXPECT_EQ(texts(*name), Texts{"192.0.2.1:80"});
  EXPECT_GE(Clock::now() - begin, milliseconds(490));
  EXPECT_TRUE(becomes(*name, {"[2001:db8::1]:80", "192.0.2.1:80"}));
  EXPECT_EQ(name->generation(), 2u);
}

TEST_F(ResolverTest, ATruncatedAnswerIsFetchedByTcp) {
  DnsReply many{.truncated = true};
  for (int i = 0; i < 60; ++i) {
    many.records.push_back(address_record(("192.0.2." + std::to_string(i)).c_str()));
  }
  server_.set("app.test", DnsType::a, many);
  server_.set("app.test", DnsType::aaaa,
              {.records = {address_record("2001:db8::1")}, .truncated = true});
  const auto name = resolver().resolve("app.test", 80);
  ASSERT_TRUE(turn([&] { return texts(*name).size() == 61; })) << texts(*name).size();
  EXPECT_EQ(texts(*name)[0], "[2001:db8::1]:80");
  EXPECT_GE(server_.asked_by_tcp(), 2);
}

TEST_F(ResolverTest, ServicesComeByPriorityEachWithItsPort) {
  server_.set(
      "_http._tcp.app.test", DnsType::srv,
      {.records = {service_record(20, 1, 8002, "b.test"), service_record(10, 1, 8001, "a.test")}});
  server_.set("a.test", {"192.0.2.1", "2001:db8::1"});
  server_.set("b.test", {"192.0.2.2"});
  const auto name = resolver().resolve("_http._tcp.app.test", 9);
  EXPECT_EQ(resolver().resolve("_http._tcp.app.test", 10), name) << "the port is ignored";
  EXPECT_TRUE(becomes(*name, {"[2001:db8::1]:8001", "192.0.2.1:8001", "192.0.2.2:8002"}));
}

TEST_F(ResolverTest, AServiceKeepsItsAddressesAndFollowsItsTargets) {
  const std::string service = "_http._tcp.app.test";
  server_.set(service, DnsType::srv, {.records = {service_record(1, 0, 8001, "a.test")}});
  server_.set("a.test", {"192.0.2.1"});
  const auto name = resolver().resolve(service, 0);
  ASSERT_TRUE(becomes(*name, {"192.0.2.1:8001"}));
  server_.set(service, DnsType::srv, {.code = 3});
  ASSERT_TRUE(fails(*name, "no such name (NXDOMAIN)"));
  EXPECT_EQ(texts(*name), Texts{"192.0.2.1:8001"});
  server_.set(service, DnsType::srv, {.records = {service_record(1, 0, 1, ".")}});
  ASSERT_TRUE(fails(*name, "the name offers no service (SRV)"));
  server_.set(service, DnsType::srv, {.records = {service_record(1, 0, 8002, "b.test")}});
  server_.set("b.test", {"192.0.2.2"});
  EXPECT_TRUE(becomes(*name, {"192.0.2.2:8002"}));
}

TEST_F(ResolverTest, WhatTheHostsFileNamesIsNeverAskedFor) {
  server_.set("app.test", {"192.0.2.1"});
  files_.write_hosts("127.0.0.5 other App.Test\n::1 app.test # and a comment\n");
  const auto name = resolver().resolve("app.test", 80);
  EXPECT_TRUE(becomes(*name, {"[::1]:80", "127.0.0.5:80"}));
  EXPECT_EQ(server_.asked("app.test", DnsType::a), 0);
  files_.write_hosts("127.0.0.6 app.test\n");
  EXPECT_TRUE(becomes(*name, {"127.0.0.6:80"}));
  EXPECT_EQ(server_.asked("app.test", DnsType::a), 0);
  files_.write_hosts("\n");
  EXPECT_TRUE(becomes(*name, {"192.0.2.1:80"}));
}

TEST_F(ResolverTest, LocalhostIsThisMachineWithoutAnyServer) {
  const auto name = resolver().resolve("localhost", 80);
  EXPECT_TRUE(becomes(*name, {"[::1]:80", "127.0.0.1:80"}));
  EXPECT_EQ(server_.asked("localhost", DnsType::a), 0);
}

TEST_F(ResolverTest, TheSearchListIsWalkedAndNdotsDecidesWhereItBegins) {
  files_.write_configuration(server_, "search one.test two.test\noptions ndots:2\n");
  server_.set("app.two.test", {"192.0.2.1"});
  server_.set("a.b.c", {"192.0.2.2"});
  const auto name = resolver().resolve("app", 80);
  EXPECT_TRUE(becomes(*name, {"192.0.2.1:80"}));
  EXPECT_GE(server_.asked("app.one.test", DnsType::a), 1);
  EXPECT_EQ(server_.asked("app", DnsType::a), 0);
  const auto dotted = resolver().resolve("a.b.c", 80);
  EXPECT_TRUE(becomes(*dotted, {"192.0.2.2:80"}));
  EXPECT_EQ(server_.asked("a.b.c.one.test", DnsType::a), 0);
}

TEST_F(ResolverTest, AServerThatFailsDoesNotEndTheSearch) {
  files_.write_configuration(server_, "search one.test two.test\n");
  server_.set_both("app.one.test", {.code = 2});
  server_.set("app.two.test", {"192.0.2.1"});
  const auto name = resolver().resolve("app", 80);
  EXPECT_TRUE(becomes(*name, {"192.0.2.1:80"}));
}

TEST_F(ResolverTest, AChangedConfigurationIsFollowedEvenWhileASilentServerIsAsked) {
  DnsServer other;
  other.set("app.test", {"192.0.2.2"});
  server_.set("app.test", {"192.0.2.1"});
  const auto name = resolver().resolve("app.test", 80);
  ASSERT_TRUE(becomes(*name, {"192.0.2.1:80"}));
  server_.set_both("app.test", {.silent = true});
  files_.write_configuration(other);
  EXPECT_TRUE(becomes(*name, {"192.0.2.2:80"}));
}

TEST_F(ResolverTest, RefreshAsksAtOnceButNotBeforeLeastIsOver) {
  server_.set("app.test", {"192.0.2.1"});
  const auto name = resolver(milliseconds(600)).resolve("app.test", 80);  // most: 6 s
  const Time begin = Clock::now();
  ASSERT_TRUE(becomes(*name, {"192.0.2.1:80"}));
  server_.set("app.test", {"192.0.2.2"});
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&name] {
      for (int call = 0; call < 500; ++call) name->refresh();
    });
  }
  EXPECT_TRUE(becomes(*name, {"192.0.2.2:80"}));
  for (std::thread& worker : workers) worker.join();
  EXPECT_GE(Clock::now() - begin, milliseconds(590));
  EXPECT_LT(Clock::now() - begin, milliseconds(4'000)) << "sooner than the TTL";
  EXPECT_LE(server_.asked("app.test", DnsType::a), 3);
}

TEST_F(ResolverTest, ANameNobodyHoldsIsForgotten) {
  server_.set("app.test", {"192.0.2.1"});
  server_.set("other.test", {"192.0.2.2"});
  auto name = resolver().resolve("app.test", 80);
  ASSERT_TRUE(becomes(*name, {"192.0.2.1:80"}));
  const std::weak_ptr<ResolvedName> known = name;
  name.reset();
  EXPECT_TRUE(turn([&] { return known.expired(); }));
  const int before = server_.asked("app.test", DnsType::a);
  const auto other = resolver().resolve("other.test", 80);
  ASSERT_TRUE(turn([&] { return server_.asked("other.test", DnsType::a) >= 3; }));
  EXPECT_EQ(server_.asked("app.test", DnsType::a), before);
}

TEST_F(ResolverTest, ANameOutlivesItsResolverAsItWas) {
  server_.set("app.test", {"192.0.2.1"});
  const auto name = resolver().resolve("app.test", 80);
  const auto running = resolver().resolve("silent.test", 80);
  server_.set_both("silent.test", {.silent = true});
  ASSERT_TRUE(becomes(*name, {"192.0.2.1:80"}));
  name->refresh();  // its mail comes when the resolver is gone
  resolver_.reset();
  name->refresh();
  loop_.run_once(milliseconds(0));
  EXPECT_EQ(texts(*name), Texts{"192.0.2.1:80"});
}

// A worker: subscribes on its own loop and thread, counts its wakes, goes at some time.
void follow(ResolvedName& name, std::atomic<bool>& stop, std::atomic<int>& woken) {
  Loop loop;
  loop.bind_to_this_thread();
  while (!stop) {
    CountingTask task;
    auto subscription = name.subscribe(loop, task);
    for (int i = 0; i < 3; ++i) loop.run_once(milliseconds(5));
    woken += task.runs;
    subscription.reset();
    loop.forget(task);
    (void)name.resolution()->addresses.size();
  }
}

TEST_F(ResolverTest, SubscribersOnOtherThreadsComeAndGoWhileAddressesChange) {
  server_.set("app.test", {"192.0.2.1"});
  const auto name = resolver(milliseconds(10)).resolve("app.test", 80);
  std::atomic<bool> stop = false;
  std::atomic<int> woken = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < 3; ++i) workers.emplace_back([&] { follow(*name, stop, woken); });
  for (int i = 1; i <= 12; ++i) {
    const std::string address = "192.0.2." + std::to_string(i);
    server_.set("app.test", {address.c_str()});
    EXPECT_TRUE(becomes(*name, {address + ":80"}));
  }
  stop = true;
  for (std::thread& worker : workers) worker.join();
  EXPECT_GE(woken, 12);
}

TEST_F(ResolverTest, ASubscriberIsWokenOncePerChangeAndNotForNothing) {
  server_.set("app.test", {"192.0.2.1"});
  const auto name = resolver().resolve("app.test", 80);
  CountingTask task;
  const auto subscription = name->subscribe(loop_, task);
  ASSERT_TRUE(becomes(*name, {"192.0.2.1:80"}));
  EXPECT_TRUE(turn([&] { return task.runs == 1; }));
  server_.set_both("app.test", {.code = 3});
  ASSERT_TRUE(fails(*name, "no such name (NXDOMAIN)"));
  for (int i = 0; i < 5; ++i) loop_.run_once(milliseconds(1));
  EXPECT_EQ(task.runs, 1);
}

TEST_F(ResolverTest, AGoneSubscriptionIsNeverTouched) {
  server_.set("app.test", {"192.0.2.1"});
  const auto name = resolver().resolve("app.test", 80);
  Loop other;
  auto task = std::make_unique<CountingTask>();
  auto subscription = name->subscribe(other, *task);
  ASSERT_TRUE(becomes(*name, {"192.0.2.1:80"}));  // mail waits in the other loop
  subscription.reset();
  task.reset();
  other.run_once(milliseconds(0));  // asan sees it if the mail touched the task
  EXPECT_EQ(name->generation(), 1u);
}

}  // namespace
}  // namespace sluice::net
