// What a configuration says about upstreams, once it is read.
#include "conf/reading/proxy.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "conf/reader.h"
#include "tests/support/memory_files.h"

namespace sluice::conf {
namespace {

using Strings = std::vector<std::string>;

Reading read_text(const std::string& text) {
  test::MemoryFiles memory({{"/srv/sluice.toml", text},
                            {"/srv/certs/ca.pem", ""},
                            {"/srv/certs/a.pem", ""},
                            {"/srv/certs/a.key", ""}},
                           {"/srv/public"});
  const auto environment = [](std::string_view name) {
    return name == "APP" ? std::optional<std::string>("http://app:3000") : std::nullopt;
  };
  return read_configuration("/srv/sluice.toml", environment, memory);
}

// Reads one file that must be good.
Configuration read(const std::string& text) {
  const Reading reading = read_text(text);
  for (const Diagnostic& one : reading.diagnostics) ADD_FAILURE() << render(one, false);
  return reading.configuration ? *reading.configuration : Configuration();
}

// The codes of all that is found in one file.
Strings codes(const std::string& text) {
  Strings all;
  for (const Diagnostic& one : read_text(text).diagnostics) all.push_back(one.code);
  return all;
}

std::string route(const std::string& value, const std::string& matcher = "prefix = \"/app/\"") {
  return "[[site]]\n[[site.route]]\n" + matcher + "\nproxy = " + value + "\n";
}

// The proxy of a route.
ProxyAction read_route(const std::string& value) {
  const Configuration one = read(route(value));
  return one.sites.empty() ? ProxyAction()
                           : std::get<ProxyAction>(one.sites[0].routes.at(0).action);
}

std::string target(const std::string& keys) { return "{ to = \"https://app\", " + keys + " }"; }

TEST(ProxyKeys, AStringIsTheTarget) {
  const ProxyAction action = read_route("\"http://app:3000/v1/\"");
  EXPECT_EQ(action, (ProxyAction{.target = {.host = "app", .port = 3000},
                                 .to = "http://app:3000/v1/",
                                 .base = "/v1"}));
  EXPECT_EQ(read_route("{ to = \"http://app:3000/v1/\" }"), action);
  EXPECT_EQ(read_route("\"${APP}\"").target, action.target);
}

TEST(ProxyKeys, ATableSaysAll) {
  const Configuration one = read(R"([[site]]
[[site.route]]
prefix = "/app/"
[site.route.proxy]
to = "https://app"
strip = "/app/"
host = "upstream"
http2 = "never"
underscores = true
buffer_request = "1 MiB"
proxy_protocol = "v1"
fields.remove = ["Cookie"]
fields.set = { X-A = "1" }
fields.add = { X-B = ["2", "3"] }
[site.route.proxy.tls]
authorities = "certs/ca.pem"
name = "App.Internal"
certificate = "certs/a.pem"
key = "/srv/certs/a.key"
)");
  const ProxyAction expected{.target = {.host = "app",
                                        .port = 443,
                                        .tls = UpstreamTls{.authorities = "/srv/certs/ca.pem",
                                                           .name = "app.internal",
                                                           .certificate = "/srv/certs/a.pem",
                                                           .key = "/srv/certs/a.key"},
                                        .http2 = UpstreamTarget::Http2::never,
                                        .proxy_protocol = UpstreamTarget::ProxyProtocol::v1},
                             .to = "https://app",
                             .strip = "/app",
                             .host_is = ProxyAction::Host::upstream,
                             .fields = {{FieldRule::Action::remove, "Cookie", ""},
                                        {FieldRule::Action::set, "X-A", "1"},
                                        {FieldRule::Action::add, "X-B", "2"},
                                        {FieldRule::Action::add, "X-B", "3"}},
                             .underscores = true,
                             .buffer_request = 1 << 20};
  EXPECT_EQ(std::get<ProxyAction>(one.sites.at(0).routes.at(0).action), expected);
  EXPECT_EQ(one.sites[0].routes[0].match.text, "/app/");
}

TEST(ProxyKeys, WordsAreTaken) {
  using Http2 = UpstreamTarget::Http2;
  using Header = UpstreamTarget::ProxyProtocol;
  EXPECT_EQ(read_route(target("http2 = \"always\"")).target.http2, Http2::always);
  EXPECT_EQ(read_route(target("http2 = \"negotiated\"")).target.http2, Http2::negotiated);
  EXPECT_EQ(read_route(target("proxy_protocol = \"v2\"")).target.proxy_protocol, Header::v2);
  EXPECT_EQ(read_route(target("proxy_protocol = \"off\"")).target.proxy_protocol, Header::off);
  EXPECT_EQ(read_route(target("host = \"keep\"")).host_is, ProxyAction::Host::kept);
  EXPECT_EQ(read_route(target("host = \"a.example:81\"")).host, "a.example:81");
}

TEST(ProxyKeys, SizesAreThoseOfLimitsAndMayHaveASpace) {
  const auto size = [](const std::string& value) {
    return read_route(target("buffer_request = " + value)).buffer_request;
  };
  EXPECT_EQ(size("0"), 0U);
  EXPECT_EQ(size("4096"), 4096U);
  EXPECT_EQ(size("\"512\""), 512U);
  EXPECT_EQ(size("\"8KiB\""), 8192U);
  EXPECT_EQ(size("\"8 KiB\""), 8192U);
  for (const char* value : {"\"\"", "\"8  KiB\"", "\" 8KiB\"", "\"8KiB \"", "\"8 kb\"", "\"1 0\"",
                            "\"KiB\"", "\"1.5 MiB\"", "\"10s\""}) {
    EXPECT_EQ(codes(route(target(std::string("buffer_request = ") + value))), Strings{"bad-size"})
        << value;
  }
  EXPECT_EQ(codes(route(target("buffer_request = -1"))), Strings{"out-of-range"});
}

TEST(ProxyKeys, NothingIsStrippedByItself) {
  EXPECT_EQ(read_route("\"http://app\"").strip, "");
  EXPECT_EQ(read_route(target("strip = \"/\"")).strip, "");
  EXPECT_EQ(codes(route(target("strip = \"app\""))), Strings{"relative-path"});
  EXPECT_EQ(codes(route(target("strip = \"/ap\""))), Strings{"strip-never-applies"});
  EXPECT_EQ(codes(route(target("strip = \"/app/x\""))), Strings{"strip-never-applies"});
  EXPECT_EQ(codes(route(target("strip = \"/x\""), "pattern = \"/*/y\"")), Strings());
  // What follows from a mistake is not said.
  EXPECT_EQ(codes(route(target("strip = \"/app\""), "prefix = \"app\"")), Strings{"relative-path"});
}

TEST(ProxyKeys, ASocketSpeaksTlsWhenATableSaysSo) {
  const ProxyAction clear = read_route("\"unix:app.sock\"");
  EXPECT_EQ(clear.target, (UpstreamTarget{.path = "/srv/app.sock"}));
  EXPECT_EQ(clear.to, "unix:app.sock");
  const ProxyAction secure = read_route("{ to = \"unix:app.sock\", tls = { name = \"app\" } }");
  ASSERT_TRUE(secure.target.tls);
  EXPECT_TRUE(secure.target.tls->verify);
  EXPECT_EQ(secure.target.tls->name, "app");
  EXPECT_EQ(codes(route("{ to = \"unix:app.sock\", tls = { verify = false } }")),
            Strings{"upstream-not-verified"});
}

TEST(ProxyKeys, ASocketOverTlsSaysANameToExpect) {
  EXPECT_EQ(codes(route("{ to = \"unix:app.sock\", tls = {} }")), Strings{"upstream-without-name"});
  EXPECT_EQ(codes(route("{ to = \"unix:app.sock\", tls = { name = \"app\" } }")), Strings());
  EXPECT_EQ(codes(route("\"https://_https._tcp.app\"")), Strings()) << "SRV has one";
}

TEST(ProxyKeys, ANameToExpectMayBeAnAddress) {
  EXPECT_EQ(read_route(target("tls = { name = \"[2001:db8::7]\" }")).target.tls->name,
            "2001:db8::7");
  EXPECT_EQ(read_route(target("tls = { name = \"192.0.2.7\" }")).target.tls->name, "192.0.2.7");
  EXPECT_EQ(codes(route(target("tls = { name = \"\" }"))), Strings{"bad-host"});
}

TEST(ProxyKeys, VerificationSwitchedOffIsAWarning) {
  const Reading reading = read_text(route(target("tls = { verify = false }")));
  ASSERT_TRUE(reading.configuration);
  ASSERT_EQ(reading.diagnostics.size(), 1U);
  EXPECT_EQ(reading.diagnostics[0].code, "upstream-not-verified");
  EXPECT_EQ(reading.diagnostics[0].severity, Diagnostic::Severity::warning);
  const auto& action = std::get<ProxyAction>(reading.configuration->sites[0].routes[0].action);
  EXPECT_FALSE(action.target.tls->verify);
  EXPECT_EQ(codes(route(target("tls = { verify = true }"))), Strings());
  EXPECT_EQ(codes(route(target("tls = {}"))), Strings());
}

TEST(ProxyKeys, FilesThatAreNotThereAreWarnedOf) {
  EXPECT_EQ(codes(route(target("tls = { authorities = \"certs/none.pem\" }"))),
            Strings{"missing-tls-file"});
  EXPECT_EQ(codes(route(target("tls = { authorities = \"\" }"))), Strings{"empty-value"});
}

TEST(ProxyKeys, WhatFollowsFromAMistakeIsNotSaid) {
  EXPECT_EQ(codes(route("{ too = \"http://app\" }")), Strings{"unknown-key"});
  EXPECT_EQ(codes(route("\"app:3000\"")), Strings{"upstream-without-scheme"});
  EXPECT_EQ(codes(route("{ to = \"unix:a.sock\", tls = { nmae = \"app\" } }")),
            Strings{"unknown-key"});
  EXPECT_EQ(codes(route(target("tls = { certificate = \"certs/a.pem\", kye = \"certs/a.key\" }"))),
            Strings{"unknown-key"});
}

// --- Sites ---------------------------------------------------------------------------------------

TEST(ProxyKeys, ASitesProxyAnswersForAllThatNoRouteDoes) {
  const Configuration one = read(R"([[site]]
proxy = "http://app:3000"
fields.set = { X-Site = "yes" }
[[site.route]]
prefix = "/docs/"
files = "public"
else = "next"
)");
  const std::vector<Route>& routes = one.sites.at(0).routes;
  ASSERT_EQ(routes.size(), 2U);
  EXPECT_EQ(routes[1].match.kind, PathMatch::Kind::prefix);
  EXPECT_EQ(routes[1].match.text, "/");
  EXPECT_EQ(std::get<ProxyAction>(routes[1].action).target.port, 3000);
  EXPECT_EQ(routes[1].fields.size(), 1U);
  EXPECT_EQ(routes[1].origin, "/srv/sluice.toml:2");
}

TEST(ProxyKeys, ARouteThatTakesAllHidesTheSitesProxy) {
  EXPECT_EQ(codes("[[site]]\nproxy = \"http://app\"\n[[site.route]]\nprefix = \"/\"\n"
                  "respond = 204\n"),
            Strings{"shadowed-route"});
}

TEST(ProxyKeys, FilesKeysBesideASitesProxyAreForItsFiles) {
  const std::string site = "[[site]]\nproxy = \"http://app\"\nlisting = true\n";
  EXPECT_EQ(codes(site), Strings{"files-key-without-files"});
  EXPECT_EQ(codes(site + "[[site.route]]\nprefix = \"/a/\"\nfiles = \"public\"\n"), Strings());
}

TEST(ProxyKeys, ARouteHasOneAction) {
  EXPECT_EQ(codes(route("\"http://app\"\nfiles = \"public\"")), Strings{"route-with-two-actions"});
  EXPECT_EQ(codes(route("\"http://app\"\nelse = \"next\"")), Strings{"else-without-files"});
  EXPECT_EQ(codes("[[site]]\nroot = \"public\"\nproxy = \"http://app\"\n"),
            Strings{"route-with-two-actions"});
}

TEST(ProxyKeys, OurOwnListenerIsNoTarget) {
  const Strings own{"upstream-is-listener"};
  const std::string listener = "[[listener]]\naddress = \":8081\"\n";
  EXPECT_EQ(codes(route("\"http://127.0.0.1:8080\"")), own);
  EXPECT_EQ(codes(listener + route("\"http://127.0.0.1:8080\"")), Strings());
  EXPECT_EQ(codes(listener + route("{ to = \"http://localhost:8081\" }")), own);
  EXPECT_EQ(codes(listener + "[[site]]\nproxy = \"http://[::1]:8081\"\n"), own);
  EXPECT_EQ(codes("[[listener]]\naddress = \"unix:a.sock\"\n" + route("\"unix:/srv/a.sock\"")),
            own);
}

// --- The PROXY protocol of listeners -------------------------------------------------------------

TEST(ProxyKeys, AListenerTakesThePROXYProtocolFromTrustedProxiesOnly) {
  const std::string listener = "[[listener]]\naddress = \":8081\"\nproxy_protocol = true\n";
  const std::string site = "[[site]]\nroot = \"public\"\n";
  const Configuration one = read("trusted_proxies = \"10.0.0.0/8\"\n" + listener + site);
  EXPECT_TRUE(one.listeners.at(0).proxy_protocol);
  EXPECT_FALSE(read("[[listener]]\naddress = \":8081\"\n" + site).listeners.at(0).proxy_protocol);
  EXPECT_FALSE(read("[[listener]]\naddress = \":8081\"\nproxy_protocol = false\n" + site)
                   .listeners.at(0)
                   .proxy_protocol);
  const Strings nobody{"proxy-protocol-without-proxies"};
  EXPECT_EQ(codes(listener + site), nobody);
  EXPECT_EQ(codes("trusted_proxies = []\n" + listener + site), nobody);
  EXPECT_EQ(codes("trusted_proxies = [\"ten\"]\n" + listener + site), Strings{"bad-address-block"});
  EXPECT_EQ(codes("trusted_proxy = [\"::1\"]\n" + listener + site), Strings{"unknown-key"});
}

}  // namespace
}  // namespace sluice::conf
