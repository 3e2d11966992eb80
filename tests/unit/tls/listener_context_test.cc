// Which certificate a name leads to, what is asked of its clients, and what a reload keeps.
#include "tls/listener_context.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "tests/unit/tls/session_pair.h"
#include "tls/client_policy.h"
#include "tls/identity.h"

namespace sluice::tls {
namespace {

using Mode = conf::ClientCertificates::Mode;
using Entry = ListenerContext::Parts::Entry;

Entry entry(const CertificateWish& wish, const std::string& path, bool is_default = false) {
  return {.certificate = load_certificate(MadeCertificate(wish), path), .is_default = is_default};
}

ListenerContext::Parts parts_of(std::vector<Entry> certificates, conf::Tls tls = {}) {
  return {.tls = std::move(tls),
          .certificates = std::move(certificates),
          .sites = {},
          .tickets = TicketKeys::random()};
}

// The file of the first certificate that a name leads to; empty when it is refused.
std::string path_for(const ListenerContext& context, std::string_view name) {
  const Choice* const choice = context.choose(name);
  return choice != nullptr ? choice->identity->certificates().front()->chain_path() : "";
}

// The common name that a client is shown.
std::string shown_to(const ListenerContext& context, const ClientWish& wish) {
  SessionPair pair(context, wish);
  EXPECT_TRUE(pair.run());
  const X509* const shown = SSL_get0_peer_certificate(pair.client.ssl());
  if (shown == nullptr) return "";
  std::array<char, 100> text{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, text.data(), text.size());
  return text.data();
}

std::vector<Entry> three_sites() {
  return {entry({.names = {"a.example", "www.a.example"}}, "/a"),
          entry({.names = {"*.b.example"}}, "/b"),
          entry({.names = {"deep.b.example"}, .key = MadeKey::p384}, "/deep")};
}

// --- Names ---------------------------------------------------------------------------------------

TEST(ListenerContext, NamesLeadToTheirCertificates) {
  const auto context = make_listener(parts_of(three_sites()));
  EXPECT_EQ(path_for(*context, "a.example"), "/a.pem");
  EXPECT_EQ(path_for(*context, "www.a.example"), "/a.pem");
  EXPECT_EQ(path_for(*context, "x.b.example"), "/b.pem");
  EXPECT_EQ(path_for(*context, "deep.b.example"), "/deep.pem") << "exact before wildcard";
}

// RFC 9525 section 6.3: one label, the leftmost, and whole.
TEST(ListenerContext, AWildcardStandsForOneLabelOnly) {
  auto parts = parts_of(three_sites());
  parts.tls.refuse_unknown_names = true;
  const auto context = make_listener(std::move(parts));
  for (const std::string_view name : {"b.example", "x.y.b.example", ".b.example", "xb.example",
                                      "*.b.example.", "example", ".", "b", "y.a.example"}) {
    EXPECT_EQ(context->choose(name), nullptr) << name;
  }
  const std::string longest(63, 'l');
  EXPECT_EQ(path_for(*context, longest + ".b.example"), "/b.pem");
  EXPECT_EQ(context->choose(std::string(1000, 'x') + "." + std::string(1000, 'y')), nullptr);
}

TEST(ListenerContext, OtherNamesGetTheDefaultCertificate) {
  auto certificates = three_sites();
  const auto first = make_listener(parts_of(certificates));
  for (const std::string_view name : {"", "unknown.example", "x.y.b.example"})
    EXPECT_EQ(path_for(*first, name), "/a.pem") << name;
  certificates[1].is_default = true;
  const auto second = make_listener(parts_of(certificates));
  EXPECT_EQ(path_for(*second, "unknown.example"), "/b.pem");
  EXPECT_EQ(path_for(*second, ""), "/b.pem");
  EXPECT_EQ(&second->fallback(), second->choose(""));
}

TEST(ListenerContext, UnknownNamesMayBeRefusedButNotNone) {
  const auto context = make_listener(parts_of(three_sites(), {.refuse_unknown_names = true}));
  EXPECT_EQ(context->choose("unknown.example"), nullptr);
  EXPECT_EQ(path_for(*context, ""), "/a.pem");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    SessionPair pair(*context, {.version = version, .name = "unknown.example"});
    EXPECT_FALSE(pair.run());
    EXPECT_EQ(pair.client.alerts, std::vector{SSL_AD_UNRECOGNIZED_NAME});
    EXPECT_TRUE(SessionPair(*context, {.version = version, .name = ""}).run());
  }
}

TEST(ListenerContext, FirstOfTwoCertificatesForANameStays) {
  const auto context = make_listener(parts_of(
      {entry({.names = {"x.example"}}, "/first"), entry({.names = {"x.example"}}, "/second")}));
  EXPECT_EQ(path_for(*context, "x.example"), "/first.pem");
  EXPECT_EQ(context->choose("x.example")->identity->certificates().size(), 1U);
}

TEST(ListenerContext, ClientsAreShownWhatTheirNameLeadsTo) {
  const auto context =
      make_listener(parts_of({entry({.common_name = "one", .names = {"a.example"}}, "/a"),
                              entry({.common_name = "two", .names = {"*.b.example"}}, "/b")}));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_EQ(shown_to(*context, {.version = version, .name = "a.example"}), "one");
    EXPECT_EQ(shown_to(*context, {.version = version, .name = "X.B.Example"}), "two");
    EXPECT_EQ(shown_to(*context, {.version = version, .name = ""}), "one");
  }
}

TEST(ListenerContext, TellsTheNearestName) {
  const auto context = make_listener(parts_of(three_sites()));
  EXPECT_EQ(context->nearest_name("www.a.exampel"), "www.a.example");
}

// --- Kinds of keys -------------------------------------------------------------------------------

TEST(ListenerContext, KeysOfDifferentKindsStandSideBySide) {
  const auto context = make_listener(parts_of(
      {entry({.common_name = "ecdsa", .names = {"x.example"}}, "/ecdsa"),
       entry({.common_name = "rsa", .names = {"x.example"}, .key = MadeKey::rsa_2048}, "/rsa")}));
  EXPECT_EQ(context->choose("x.example")->identity->certificates().size(), 2U);
  EXPECT_EQ(context->fallback().identity, context->choose("x.example")->identity);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_EQ(shown_to(*context, {.version = version, .name = "x.example"}), "ecdsa");
    EXPECT_EQ(shown_to(*context, {.version = version,
                                  .name = "x.example",
                                  .signatures = "rsa_pss_rsae_sha256:RSA+SHA256"}),
              "rsa");
  }
}

// Names that only one of them has lead to that one alone.
TEST(ListenerContext, NamesMayOverlap) {
  const auto context =
      make_listener(parts_of({entry({.names = {"x.example", "y.example"}}, "/ecdsa"),
                              entry({.names = {"x.example"}, .key = MadeKey::rsa_2048}, "/rsa")}));
  EXPECT_EQ(context->choose("x.example")->identity->certificates().size(), 2U);
  EXPECT_EQ(context->choose("y.example")->identity->certificates().size(), 1U);
  EXPECT_FALSE(context->choose("x.example")->is_like(*context->choose("y.example")));
}

// --- What is asked of clients --------------------------------------------------------------------

class ListenerContextClients : public ::testing::Test {
 protected:
  conf::ClientCertificates asks(Mode mode) const { return {.mode = mode, .authorities = file_}; }
  // The mode of what a name leads to.
  static bool requires_at(const ListenerContext& context, std::string_view name) {
    return context.choose(name)->clients->requires_certificate();
  }

  const CertificateFolder folder_;
  const MadeCertificate authority_{CertificateWish{.common_name = "clients", .authority = true}};
  const std::string file_ = folder_.write("ca.pem", authority_.pem());
};

TEST_F(ListenerContextClients, SitesAskInPlaceOfTheListener) {
  auto parts = listener_parts();
  parts.sites = {{.hosts = {"exact.example", "*.example"}, .clients = asks(Mode::require)},
                 {.hosts = {"*.open.example", "open.b.example"}, .clients = {}}};
  const auto context = make_listener(std::move(parts));
  EXPECT_TRUE(requires_at(*context, "exact.example"));
  EXPECT_TRUE(requires_at(*context, "x.example"));
  EXPECT_TRUE(requires_at(*context, "x.y.example")) << "any name below, as in the table of sites";
  EXPECT_TRUE(requires_at(*context, "open.example"));
  EXPECT_FALSE(requires_at(*context, "x.open.example")) << "the longest wildcard";
  EXPECT_FALSE(requires_at(*context, "x.y.open.example"));
  EXPECT_FALSE(requires_at(*context, "open.b.example")) << "exact before wildcard";
  EXPECT_FALSE(requires_at(*context, "example"));
  EXPECT_FALSE(requires_at(*context, "other")) << "what the listener asks for";
  EXPECT_FALSE(requires_at(*context, ""));
}

// As in the table of sites, which has such a host belong to the shorter wildcard.
TEST_F(ListenerContextClients, ANameThatBeginsWithADotIsNoWildcard) {
  auto parts = listener_parts();
  parts.sites = {{.hosts = {"*.example"}, .clients = asks(Mode::require)},
                 {.hosts = {"*.open.example"}, .clients = {}}};
  const auto context = make_listener(std::move(parts));
  EXPECT_FALSE(requires_at(*context, "x.open.example"));
  EXPECT_TRUE(requires_at(*context, ".open.example"));
  EXPECT_FALSE(requires_at(*context, ".example")) << "what the listener asks for";
}

TEST_F(ListenerContextClients, OtherNamesAreTheDefaultSites) {
  auto parts = listener_parts();
  parts.sites = {{.hosts = {"a.example"}, .is_default = true, .clients = asks(Mode::require)}};
  const auto context = make_listener(std::move(parts));
  EXPECT_TRUE(requires_at(*context, ""));
  EXPECT_TRUE(requires_at(*context, "other.example"));
  EXPECT_TRUE(context->fallback().clients->requires_certificate());
}

TEST_F(ListenerContextClients, ChoicesAreAlikeWhereCertificateAndClientsAre) {
  auto parts = listener_parts();
  parts.sites = {{.hosts = {"a.example"}, .clients = asks(Mode::require)},
                 {.hosts = {"b.example"}, .clients = asks(Mode::require)},
                 {.hosts = {"c.example"}, .clients = asks(Mode::request)}};
  const auto context = make_listener(std::move(parts));
  const Choice& a = *context->choose("a.example");
  EXPECT_TRUE(a.is_like(*context->choose("b.example")));
  EXPECT_FALSE(a.is_like(*context->choose("c.example")));
  EXPECT_FALSE(a.is_like(*context->choose("d.example")));
  EXPECT_FALSE(context->is_only_choice(a));
}

TEST_F(ListenerContextClients, AFileThatCannotBeUsedIsToldOf) {
  auto parts = listener_parts();
  parts.sites = {
      {.hosts = {"a.example"},
       .clients = {.mode = Mode::require, .authorities = "/none/ca.pem", .origin = "a.toml:3"}}};
  std::string problem;
  EXPECT_EQ(ListenerContext::make(std::move(parts), nullptr, problem), nullptr);
  EXPECT_EQ(problem.rfind("a.toml:3: /none/ca.pem: cannot be read: ", 0), 0U) << problem;
}

TEST_F(ListenerContextClients, AConnectionIsTakenForWhatItWasMadeFor) {
  auto parts = parts_of(three_sites());
  parts.sites = {{.hosts = {"a.example"}, .clients = {}},
                 {.hosts = {"www.a.example"}, .clients = asks(Mode::require)}};
  const auto context = make_listener(std::move(parts));
  const Choice& a = *context->choose("a.example");
  EXPECT_TRUE(context->takes(a, "a.example"));
  EXPECT_FALSE(context->takes(a, "www.a.example")) << "it is asked for a certificate";
  EXPECT_FALSE(context->takes(a, "x.b.example")) << "another certificate";
  const Choice& b = *context->choose("x.b.example");
  EXPECT_TRUE(context->takes(b, "y.b.example"));
  EXPECT_FALSE(context->takes(b, "deep.b.example")) << "it has a certificate of its own";
  EXPECT_TRUE(a.asks_like(b));
  EXPECT_FALSE(a.asks_like(*context->choose("www.a.example")));
}

TEST(ListenerContext, KnowsWhenThereIsOnlyOneChoice) {
  const auto one = make_listener(listener_parts());
  EXPECT_TRUE(one->is_only_choice(one->fallback()));
  const auto three = make_listener(parts_of(three_sites()));
  EXPECT_FALSE(three->is_only_choice(three->fallback()));
  const auto strict = make_listener(listener_parts({.refuse_unknown_names = true}));
  EXPECT_FALSE(strict->is_only_choice(strict->fallback()));
}

// --- Reloads -------------------------------------------------------------------------------------

TEST(ListenerContextReload, KeepsWhatIsAlike) {
  const auto parts = parts_of(three_sites());
  auto copy = parts;
  // Ticket keys that hold the same are the same, be they read anew.
  copy.tickets = std::make_shared<TicketKeys>(TicketKeys::Ring(*parts.tickets->ring()));
  const auto before = make_listener(ListenerContext::Parts(parts));
  const SSL_CTX* const made = before->choose("a.example")->identity->context();
  const auto after = make_listener(std::move(copy), before.get());
  for (const std::string_view name : {"a.example", "x.b.example", "deep.b.example"})
    EXPECT_EQ(before->choose(name)->identity, after->choose(name)->identity) << name;
  EXPECT_EQ(after->choose("a.example")->identity->context(), made);
}

TEST(ListenerContextReload, MakesAnewOnlyWhatChanged) {
  const auto parts = parts_of(three_sites());
  auto renewed = parts;
  renewed.certificates[0] = entry({.names = {"a.example", "www.a.example"}}, "/a");
  const auto before = make_listener(ListenerContext::Parts(parts));
  const auto after = make_listener(std::move(renewed), before.get());
  EXPECT_NE(before->choose("a.example")->identity, after->choose("a.example")->identity);
  EXPECT_EQ(before->choose("x.b.example")->identity, after->choose("x.b.example")->identity);
  // Clients that are connected may go on: it is the same file's certificate, renewed.
  EXPECT_TRUE(before->choose("a.example")->is_like(*after->choose("a.example")));
  EXPECT_FALSE(before->choose("a.example")->is_like(*after->choose("x.b.example")));
}

// Whose certificate and policy are not configured any more: what it was shown still holds.
TEST_F(ListenerContextClients, AfterAReloadTheShownCertificateDecides) {
  const auto before = make_listener(parts_of(three_sites()));
  auto parts = parts_of({entry({.names = {"a.example", "x.b.example", "c.example"}}, "/other")},
                        {.policy = conf::Tls::Policy::modern});
  parts.sites = {{.hosts = {"www.a.example"}, .clients = asks(Mode::request)}};
  const auto after = make_listener(std::move(parts));
  const Choice& a = *before->choose("a.example");
  EXPECT_FALSE(a.is_like(*after->choose("a.example")));
  EXPECT_TRUE(after->takes(a, "a.example"));
  EXPECT_FALSE(after->takes(a, "c.example")) << "it was not shown a certificate for that";
  EXPECT_FALSE(after->takes(a, "www.a.example")) << "now asks for a certificate";
  EXPECT_TRUE(after->takes(*before->choose("x.b.example"), "x.b.example")) << "by wildcard";
  EXPECT_FALSE(after->takes(*before->choose("x.b.example"), "x.x.b.example"));
}

TEST(ListenerContextReload, OtherPolicyOrKeysMakeEverythingAnew) {
  const auto parts = parts_of(three_sites());
  auto modern = parts, keyed = parts;
  modern.tls.policy = conf::Tls::Policy::modern;
  keyed.tickets = TicketKeys::random();
  const auto before = make_listener(ListenerContext::Parts(parts));
  for (auto* const changed : {&modern, &keyed}) {
    const auto after = make_listener(std::move(*changed), before.get());
    EXPECT_NE(before->choose("a.example")->identity, after->choose("a.example")->identity);
  }
}

TEST(ListenerContextReload, MovedFilesAreOtherCertificates) {
  auto parts = listener_parts();
  auto moved = parts;
  moved.certificates[0].certificate = load_certificate(made_localhost(), "/moved");
  const auto before = make_listener(std::move(parts));
  const auto after = make_listener(std::move(moved), before.get());
  EXPECT_NE(before->fallback().identity, after->fallback().identity);
  EXPECT_FALSE(before->fallback().is_like(after->fallback()));
}

// The old context may go while connections still use what it shared.
TEST(ListenerContextReload, WhatIsKeptOutlivesTheContextBefore) {
  auto parts = listener_parts();
  auto before = make_listener(ListenerContext::Parts(parts));
  const auto after = make_listener(std::move(parts), before.get());
  before.reset();
  EXPECT_TRUE(SessionPair(*after, {}).run());
}

// --- Threads -------------------------------------------------------------------------------------

TEST(ListenerContext, ThreadsThatAskAtOnceGetOneContext) {
  const auto context = make_listener(parts_of(three_sites()));
  std::atomic<int> waiting = 4;
  std::array<const SSL_CTX*, 4> seen{};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < seen.size(); ++i) {
    threads.emplace_back([&, i] {
      --waiting;
      while (waiting > 0) std::this_thread::yield();
      seen[i] = context->choose("deep.b.example")->identity->context();
      SessionPair pair(*context, {.name = "x.b.example"});
      EXPECT_TRUE(pair.run());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_NE(seen[0], nullptr);
  for (const SSL_CTX* const one : seen) EXPECT_EQ(one, seen[0]);
}

// Tickets are sealed and opened while the keys change under them.
TEST(ListenerContext, KeysMayChangeWhileHandshakesGoOn) {
  auto parts = listener_parts();
  const std::shared_ptr<TicketKeys> tickets = parts.tickets;
  const auto context = make_listener(std::move(parts));
  std::atomic<bool> done = false;
  std::thread rotating([&] {
    while (!done) tickets->rotate();
  });
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(SessionPair(*context, {}).run());
  done = true;
  rotating.join();
}

}  // namespace
}  // namespace sluice::tls
