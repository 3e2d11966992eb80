// What TLS changes for routes: who asks over a connection for somebody else's site (421, RFC 9110
// section 15.5.20), and who asks in clear text for a site that is served over TLS.
#include <gtest/gtest.h>

#include <charconv>
#include <ctime>

#include "unit/server/http/tls_link.h"
#include "unit/server/snapshot_fixture.h"

namespace sluice {
namespace {

using tls::MadeCertificate;

class SnapshotRouterTls : public SnapshotFixture {
 protected:
  SnapshotRouterTls() {
    certificate("one", {"a.example", "www.a.example"});
    certificate("two", {"b.example", "c.example", "*.b.example"});
  }
  void certificate(const std::string& name, std::vector<std::string> names) {
    const MadeCertificate made({.names = std::move(names)});
    write(name + ".pem", made.pem() + made.key_pem());
    std::filesystem::permissions(folder / (name + ".pem"), std::filesystem::perms::owner_read |
                                                               std::filesystem::perms::owner_write);
  }

  // Serves `text`, whose first listener speaks TLS, as another snapshot.
  void serve_tls(std::string_view text) {
    const std::shared_ptr<const conf::Configuration> configuration = read(text);
    ASSERT_TRUE(configuration);
    ContextsReading reading =
        make_contexts(*configuration, keys, snapshot ? snapshot->configuration() : *configuration,
                      snapshot ? snapshot->contexts() : ListenerContexts(), time(nullptr));
    ASSERT_EQ(reading.errors, std::vector<std::string>());
    std::vector<std::string> problems;
    snapshot = Snapshot::build(configuration, resources, upstreams, snapshot.get(), problems,
                               std::move(reading.contexts));
    const http::ServingRules rules = snapshot->make_rules(world.loop, helpers, nullptr, {10, 11});
    world.context.router = rules.router;
    world.listener = rules.listeners.front();
    plain = rules.listeners.back();
  }
  // The status of GET / for `host`, by a client whose TLS was for `name`.
  int status_for(http::TlsLink& link, const std::string& host) {
    const std::string answer = link.ask("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
    int status = 0;
    if (answer.size() > 12) std::from_chars(answer.data() + 9, answer.data() + 12, status);
    return status;
  }
  int status_for(const std::string& name, const std::string& host) {
    http::TlsLink link(world, {.name = name});
    return status_for(link, host);
  }
  // What a client gets in clear text.
  std::string ask_plain(const std::string& host) {
    const Ref<http::ListenerSettings> tls_listener = world.listener;
    world.listener = plain;
    std::string answer = ask("/x", host);
    world.listener = tls_listener;
    return answer;
  }

  const std::shared_ptr<tls::TicketKeys> keys = tls::TicketKeys::random();
  Ref<http::ListenerSettings> plain;
};

constexpr std::string_view kListener = R"(
    [[listener]]
    name = "tls"
    address = "127.0.0.1:8443"
    tls = true
    [[certificate]]
    chain = "one.pem"
    key = "one.pem"
    [[certificate]]
    chain = "two.pem"
    key = "two.pem"
)";
constexpr std::string_view kSites = R"(
    [[site]]
    hosts = ["a.example", "www.a.example"]
    [[site.route]]
    prefix = "/"
    respond = 201
    [[site]]
    hosts = ["b.example"]
    [[site.route]]
    prefix = "/"
    respond = 202
    [[site]]
    hosts = ["c.example", "x.b.example"]
    [[site.route]]
    prefix = "/"
    respond = 203
)";

TEST_F(SnapshotRouterTls, OneConnectionServesTheSitesOfItsCertificate) {
  serve_tls(std::string(kListener) + std::string(kSites));
  EXPECT_EQ(status_for("a.example", "a.example"), 201);
  EXPECT_EQ(status_for("a.example", "www.A.example:8443"), 201);
  EXPECT_EQ(status_for("b.example", "b.example"), 202);
  EXPECT_EQ(status_for("b.example", "c.example"), 203) << "the same certificate";
  EXPECT_EQ(status_for("b.example", "x.b.example"), 203);
}

// What TLS had agreed on was forgotten with the first path: the request was taken for clear text.
TEST_F(SnapshotRouterTls, RewrittenRequestsCameOverTlsAsWell) {
  serve_tls(std::string(kListener) + R"(
    [[listener]]
    name = "clear"
    address = "127.0.0.1:8080"
    [[site]]
    hosts = ["a.example"]
    redirect_to_https = true
    [[site.route]]
    path = "/"
    rewrite = "/y"
    [[site.route]]
    path = "/y"
    respond = 201
)");
  EXPECT_EQ(status_for("a.example", "a.example"), 201);
}

TEST_F(SnapshotRouterTls, OtherCertificatesSitesAreMisdirected) {
  serve_tls(std::string(kListener) + std::string(kSites));
  EXPECT_EQ(status_for("a.example", "b.example"), 421);
  EXPECT_EQ(status_for("b.example", "a.example"), 421);
  EXPECT_EQ(status_for("", "b.example"), 421) << "the default certificate was shown";
  EXPECT_EQ(status_for("", "a.example"), 201);
  http::TlsLink link(world, {.name = "a.example"});
  EXPECT_EQ(status_for(link, "b.example"), 421);
  EXPECT_EQ(status_for(link, "a.example"), 201) << "the connection goes on";
}

TEST_F(SnapshotRouterTls, HostsOfNobodyAreNotMisdirected) {
  serve_tls(std::string(kListener) + std::string(kSites));
  for (const std::string host : {"192.0.2.1", "[2001:db8::1]:8443", "nobody.example"}) {
    EXPECT_EQ(status_for("a.example", host), 201) << host << ": the default site";
    EXPECT_EQ(status_for("b.example", host), 201) << host;
  }
}

TEST_F(SnapshotRouterTls, SitesThatAskForCertificatesAreReachedByNoOtherWay) {
  const MadeCertificate authority({.common_name = "clients", .authority = true});
  const MadeCertificate me({.common_name = "me", .extended_usage = "clientAuth"}, &authority);
  write("ca.pem", authority.pem());
  serve_tls(std::string(kListener) + R"(
    [[site]]
    hosts = ["b.example"]
    [[site.route]]
    prefix = "/"
    respond = 202
    [[site]]
    hosts = ["c.example"]
    listeners = ["tls"]
    client_certificates = { mode = "require", authorities = "ca.pem" }
    [[site.route]]
    prefix = "/"
    respond = 203
  )");
  EXPECT_EQ(status_for("b.example", "b.example"), 202);
  EXPECT_EQ(status_for("b.example", "c.example"), 421);
  http::TlsLink link(world, {.name = "c.example", .certificate = &me});
  EXPECT_EQ(status_for(link, "c.example"), 203);
  EXPECT_EQ(status_for(link, "b.example"), 421);
}

TEST_F(SnapshotRouterTls, AReloadWithTheSameFilesKeepsConnections) {
  serve_tls(std::string(kListener) + std::string(kSites));
  http::TlsLink link(world, {.name = "a.example"});
  EXPECT_EQ(status_for(link, "a.example"), 201);
  certificate("one", {"a.example", "www.a.example"});
  serve_tls(std::string(kListener) + std::string(kSites));
  EXPECT_EQ(status_for(link, "a.example"), 201) << "renewed, and as good";
  EXPECT_EQ(status_for(link, "b.example"), 421);
}

TEST_F(SnapshotRouterTls, ClearTextGoesToWhereTlsIsSpoken) {
  serve_tls(std::string(kListener) + R"(
    [[site]]
    hosts = ["a.example"]
    redirect_to_https = true
    hsts = { max_age = "1d" }
    [[site.route]]
    prefix = "/"
    respond = 201
    [[site]]
    hosts = ["b.example"]
    [[site.route]]
    prefix = "/"
    respond = 202
  )");
  const std::string answer = ask_plain("a.example:80");
  EXPECT_TRUE(has(answer, "HTTP/1.1 308 ")) << answer;
  EXPECT_TRUE(has(answer, "Location: https://a.example:8443/x\r\n")) << answer;
  EXPECT_FALSE(has(answer, "Strict-Transport-Security")) << "not in clear text";
  EXPECT_TRUE(has(ask_plain("b.example"), "HTTP/1.1 202 "));
  http::TlsLink link(world, {.name = "a.example"});
  const std::string secure = link.ask("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
  EXPECT_TRUE(has(secure, "HTTP/1.1 201 "));
  EXPECT_TRUE(has(secure, "Strict-Transport-Security: max-age=86400\r\n")) << secure;
}

// The address is the same, and so is the socket; a client that has kept its connection is asked for
// nothing.
TEST_F(SnapshotRouterTls, ClearTextOfBeforeAReloadIsMisdirectedWhereTlsIsSpokenNow) {
  serve_tls(std::string(kListener) + std::string(kSites));
  const Ref<http::ListenerSettings> before(
      new http::ListenerSettings(world.listener->index(), world.listener->limit_set()));
  world.listener = before;
  EXPECT_TRUE(has(ask("/x", "a.example"), "HTTP/1.1 421 "));
}

}  // namespace
}  // namespace sluice
