// From files to contexts: every error and warning, each once, and what a reload keeps.
#include "server/listener_contexts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "tls/identity.h"
#include "unit/tls/session_pair.h"

namespace sluice {
namespace {

using tls::CertificateWish;
using tls::MadeCertificate;
using tls::MadeKey;
using Texts = std::vector<std::string>;

constexpr int64_t kDay = 24 * 3600;

class ListenerContextsTest : public ::testing::Test {
 protected:
  ListenerContextsTest() {
    configuration_.listeners = {{.name = "web",
                                 .address = "127.0.0.1:0",
                                 .tls = conf::Tls{},
                                 .limits = {},
                                 .origin = "s.toml:1"}};
    configuration_.sites = {{.name = "a.example", .hosts = {"a.example"}, .is_default = true}};
  }

  // Adds a certificate with its files.
  conf::Certificate& add(const std::string& name, const CertificateWish& wish) {
    const MadeCertificate made(wish);
    configuration_.certificates.push_back(
        {.chain = folder_.write(name + ".pem", made.pem()),
         .key = folder_.write(name + ".key", made.key_pem()),
         .origin = "s.toml:" + std::to_string(10 + configuration_.certificates.size())});
    return configuration_.certificates.back();
  }
  void add_listener(const std::string& name, bool tls = true) {
    configuration_.listeners.push_back({.name = name,
                                        .address = "127.0.0.1:0",
                                        .tls = tls ? std::optional(conf::Tls{}) : std::nullopt,
                                        .limits = {},
                                        .origin = "s.toml:2"});
  }
  ContextsReading make(const ListenerContexts& previous = {}) {
    return make_contexts(configuration_, keys_, configuration_, previous, now_);
  }

  const int64_t now_ = time(nullptr);
  const tls::CertificateFolder folder_;
  const std::shared_ptr<tls::TicketKeys> keys_ = tls::TicketKeys::random();
  conf::Configuration configuration_;
};

// That of a certificate for this name, valid for 90 days.
CertificateWish for_name(const std::string& name) { return {.names = {name}}; }

TEST_F(ListenerContextsTest, EachListenerHasItsOwn) {
  add("a", for_name("a.example"));
  add_listener("plain", false);
  add_listener("other");
  const ContextsReading reading = make();
  EXPECT_EQ(reading.errors, Texts());
  EXPECT_EQ(reading.warnings, Texts());
  ASSERT_EQ(reading.contexts.size(), 3U);
  EXPECT_NE(reading.contexts[0], nullptr);
  EXPECT_EQ(reading.contexts[1], nullptr);
  EXPECT_NE(reading.contexts[2], nullptr);
}

TEST_F(ListenerContextsTest, CertificatesMayBeForSomeListenersOnly) {
  add("a", for_name("a.example")).listeners = {"web"};
  add("b", for_name("b.example")).listeners = {"other"};
  add_listener("other");
  configuration_.sites[0].listeners = {"web"};
  const ContextsReading reading = make();
  EXPECT_EQ(reading.errors, Texts());
  EXPECT_EQ(reading.warnings, Texts());
  const auto path = [&](size_t i) {
    return reading.contexts[i]->fallback().identity->certificates().front()->chain_path();
  };
  EXPECT_EQ(path(0), folder_.path("a.pem"));
  EXPECT_EQ(path(1), folder_.path("b.pem"));
}

TEST_F(ListenerContextsTest, AllErrorsAreSaidAtOnceAndEachOnce) {
  add("a", for_name("a.example")).key = folder_.path("none.key");
  add("b", for_name("b.example")).chain = folder_.path("none.pem");
  add("c", for_name("c.example"));
  add_listener("other");
  configuration_.sites[0].hosts = {"c.example"};
  const ContextsReading reading = make();
  ASSERT_EQ(reading.errors.size(), 2U);
  EXPECT_TRUE(reading.errors[0].starts_with("s.toml:10: "));
  EXPECT_NE(reading.errors[0].find("none.key"), std::string::npos);
  EXPECT_TRUE(reading.errors[1].starts_with("s.toml:11: "));
  EXPECT_NE(reading.errors[1].find("none.pem"), std::string::npos);
}

TEST_F(ListenerContextsTest, ExpiryIsSaidThirtyDaysBefore) {
  CertificateWish wish = for_name("a.example");
  wish.not_before = now_ - 60 * kDay;
  for (const auto& [left, text] : {std::pair<int64_t, std::string>(31 * kDay, ""),
                                   {29 * kDay + 60, "in 29 days"},
                                   {kDay + 60, "in 1 day"},
                                   {3600, "within a day"}}) {
    configuration_.certificates.clear();
    wish.not_after = now_ + left;
    const std::string chain = add("a", wish).chain;
    add_listener("number " + text);  // read once, however many have it
    const ContextsReading reading = make();
    EXPECT_EQ(reading.errors, Texts());
    const std::string warning = "s.toml:10: " + chain + ": expires " + text +
                                ": renew it; it is read again as soon as the file changes";
    EXPECT_EQ(reading.warnings, text.empty() ? Texts() : Texts{warning});
  }
}

TEST_F(ListenerContextsTest, AnExpiredCertificateIsAnError) {
  CertificateWish wish = for_name("a.example");
  wish.not_before = now_ - 60 * kDay;
  wish.not_after = now_ - kDay;
  add("a", wish);
  const ContextsReading reading = make();
  ASSERT_EQ(reading.errors.size(), 1U);
  EXPECT_NE(reading.errors[0].find("a.pem"), std::string::npos) << reading.errors[0];
  EXPECT_EQ(reading.warnings, Texts());
}

// They were told of once for each listener.
TEST_F(ListenerContextsTest, TwoCertificatesForOneNameAreToldOnce) {
  const std::string first = add("a", for_name("a.example")).chain;
  const std::string second = add("b", {.names = {"b.example", "a.example"}}).chain;
  add_listener("other");
  EXPECT_EQ(make().errors,
            Texts{"s.toml:11: two certificates with the same kind of key are for a.example: " +
                  first + " and " + second + "; take one of them out"});
}

TEST_F(ListenerContextsTest, DifferentKindsOfKeysMayShareANameAndTheDefault) {
  add("a", for_name("a.example")).is_default = true;
  add("b", {.names = {"a.example"}, .key = MadeKey::rsa_2048}).is_default = true;
  EXPECT_EQ(make().errors, Texts());
}

TEST_F(ListenerContextsTest, OnlyOneCertificateOfAKindIsTheDefault) {
  add("a", for_name("a.example")).is_default = true;
  add("b", for_name("b.example")).is_default = true;
  EXPECT_EQ(make().errors,
            Texts{"s.toml:1: " + folder_.path("b.pem") +
                  ": there is a default certificate with the same kind of key already; only one "
                  "of each kind can be it"});
}

TEST_F(ListenerContextsTest, HostsWithoutACertificateAreToldWithTheNearestName) {
  add("a", {.names = {"a.example", "*.wild.example"}});
  configuration_.sites[0].hosts = {"a.example",        "x.wild.example", "*.wild.example",
                                   "192.0.2.1",        "[2001:db8::1]",  "b.example",
                                   "x.y.wild.example", "*.a.example"};
  configuration_.sites[0].origin = "s.toml:5";
  const ContextsReading reading = make();
  EXPECT_EQ(reading.errors, Texts());
  ASSERT_EQ(reading.warnings.size(), 3U);
  EXPECT_EQ(reading.warnings[0],
            "s.toml:5: no certificate of listener 'web' is for b.example (nearest: a.example): "
            "clients will refuse the default one");
  EXPECT_NE(reading.warnings[1].find("is for x.y.wild.example"), std::string::npos);
  EXPECT_NE(reading.warnings[2].find("is for *.a.example"), std::string::npos);
}

TEST_F(ListenerContextsTest, TicketKeysThatCannotBeReadAreTold) {
  add("a", for_name("a.example"));
  const std::string path = folder_.write("tickets", "short");
  configuration_.listeners[0].tls->ticket_keys = {path};
  const Texts errors = make().errors;
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_TRUE(errors[0].starts_with("s.toml:1: " + path + ": ")) << errors[0];
}

// Several sites and listeners may have the file.
TEST_F(ListenerContextsTest, AuthoritiesThatCannotBeReadAreToldOnceAndWhere) {
  add("a", for_name("a.example"));
  add_listener("other");
  configuration_.sites[0].client_certificates = {.mode = conf::ClientCertificates::Mode::require,
                                                 .authorities = "/none",
                                                 .origin = "s.toml:9"};
  EXPECT_EQ(make().errors, Texts{"s.toml:9: /none: cannot be read: No such file or directory"});
}

TEST_F(ListenerContextsTest, SitesAskTheirOwnClientsOnly) {
  add("a", {.names = {"a.example", "b.example"}});
  const MadeCertificate authority({.common_name = "clients", .authority = true});
  conf::Site other{.name = "b.example", .hosts = {"b.example"}};
  other.client_certificates = {.mode = conf::ClientCertificates::Mode::require,
                               .authorities = folder_.write("ca.pem", authority.pem())};
  configuration_.sites.push_back(other);
  const ContextsReading reading = make();
  ASSERT_EQ(reading.errors, Texts());
  const tls::ListenerContext& context = *reading.contexts[0];
  EXPECT_TRUE(tls::SessionPair(context, {.name = "a.example"}).run());
  EXPECT_FALSE(tls::SessionPair(context, {.name = "b.example"}).run());
  EXPECT_FALSE(context.choose("a.example")->is_like(*context.choose("b.example")));
}

TEST_F(ListenerContextsTest, AReloadKeepsWhatDidNotChange) {
  add("a", for_name("a.example"));
  add("b", for_name("b.example"));
  add_listener("other");
  const ContextsReading before = make();
  const MadeCertificate renewed(for_name("b.example"));
  folder_.write("b.pem", renewed.pem());
  folder_.write("b.key", renewed.key_pem());
  const ContextsReading after = make(before.contexts);
  ASSERT_EQ(after.errors, Texts());
  for (size_t i = 0; i < 2; ++i) {
    const auto identity = [i](const ContextsReading& reading, const char* name) {
      return reading.contexts[i]->choose(name)->identity;
    };
    EXPECT_EQ(identity(before, "a.example"), identity(after, "a.example"));
    EXPECT_NE(identity(before, "b.example"), identity(after, "b.example"));
  }
}

// A listener is itself by its name, wherever it stands by now.
TEST_F(ListenerContextsTest, AReloadFindsListenersByName) {
  add("a", for_name("a.example"));
  add_listener("plain", false);
  const conf::Configuration old = configuration_;
  const ContextsReading before = make();
  std::swap(configuration_.listeners[0], configuration_.listeners[1]);
  const ContextsReading after = make_contexts(configuration_, keys_, old, before.contexts, now_);
  EXPECT_EQ(before.contexts[0]->fallback().identity, after.contexts[1]->fallback().identity);
  EXPECT_EQ(after.contexts[0], nullptr);
}

TEST_F(ListenerContextsTest, FilesAreListedOnceEach) {
  add("a", for_name("a.example"));
  add("b", for_name("b.example"));
  configuration_.certificates[1].key = configuration_.certificates[1].chain;
  configuration_.listeners[0].tls->ticket_keys = {"/t2", "/t1"};
  configuration_.listeners[0].tls->client_certificates.authorities = "/ca";
  configuration_.sites[0].client_certificates = {.authorities = "/ca"};
  add_listener("plain", false);
  Texts expected = {
      folder_.path("a.pem"), folder_.path("a.key"), folder_.path("b.pem"), "/t1", "/t2", "/ca"};
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(files_of_contexts(configuration_), expected);
}

}  // namespace
}  // namespace sluice
