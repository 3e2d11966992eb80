// URLs of upstreams. tests/unit/conf/golden/*upstream* show what is said about those that are none.
#include "conf/upstream_url.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/memory_files.h"

namespace sluice::conf {
namespace {

UpstreamUrl read(const std::string& text, const std::string& folder = "/srv/") {
  test::MemoryFiles files({}, {});
  UpstreamUrl out;
  if (const auto problem = parse_upstream(text, folder, files, out)) {
    ADD_FAILURE() << text << ": " << problem->message;
  }
  return out;
}

UpstreamProblem problem_of(const std::string& text) {
  test::MemoryFiles files({}, {});
  UpstreamUrl out;
  const auto problem = parse_upstream(text, "/srv/", files, out);
  EXPECT_TRUE(problem) << text;
  return problem.value_or(UpstreamProblem{});
}

TEST(UpstreamUrl, WithoutAPortItIsTheSchemes) {
  EXPECT_EQ(read("http://app").target, (UpstreamTarget{.host = "app", .port = 80}));
  EXPECT_EQ(read("https://app").target,
            (UpstreamTarget{.host = "app", .port = 443, .tls = UpstreamTls()}));
  EXPECT_EQ(read("http://app:3000").target, (UpstreamTarget{.host = "app", .port = 3000}));
  EXPECT_EQ(read("http://app:65535/").target.port, 65535);
}

TEST(UpstreamUrl, SchemesAndHostsCompareWithoutCase) {
  EXPECT_EQ(read("HTTPS://App.Example:8443/V1").target, read("https://app.example:8443/v1").target);
  EXPECT_EQ(read("HTTPS://App.Example:8443/V1").base, "/V1");
  EXPECT_EQ(read("UNIX:/Run/App.sock").target.path, "/Run/App.sock");
}

TEST(UpstreamUrl, AddressesAreTargets) {
  EXPECT_EQ(read("http://192.0.2.7:81").target, (UpstreamTarget{.host = "192.0.2.7", .port = 81}));
  EXPECT_EQ(read("http://[2001:db8::7]").target,
            (UpstreamTarget{.host = "2001:db8::7", .port = 80}));
  EXPECT_EQ(read("http://[::1]:81/a").target, (UpstreamTarget{.host = "::1", .port = 81}));
}

TEST(UpstreamUrl, ContainersMayHaveAnUnderscoreInside) {
  EXPECT_EQ(read("http://my_app_1:3000").target.host, "my_app_1");
}

TEST(UpstreamUrl, SrvHasNoPort) {
  EXPECT_EQ(read("http://_http._tcp.App.internal/v1").target,
            (UpstreamTarget{.host = "_http._tcp.app.internal"}));
  EXPECT_EQ(read("https://_https._tcp.app").target.port, 0);
  EXPECT_EQ(problem_of("http://_http._tcp.app:80").code, Code::bad_upstream_port);
  for (const char* url :
       {"http://_app", "http://_http.app", "http://_http._tcp", "http://_a._b."}) {
    EXPECT_EQ(problem_of(url).code, Code::bad_upstream_host) << url;
  }
}

TEST(UpstreamUrl, TheBaseHasNoSlashAtItsEnd) {
  EXPECT_EQ(read("http://app").base, "");
  EXPECT_EQ(read("http://app/").base, "");
  EXPECT_EQ(read("http://app//").base, "");
  EXPECT_EQ(read("http://app/v1").base, "/v1");
  EXPECT_EQ(read("http://app/v1/x%20y/").base, "/v1/x%20y");
  EXPECT_EQ(read("http://app/$0$x").base, "/$0$x");  // no captures
}

TEST(UpstreamUrl, ASocketsPathStartsFromTheFilesFolder) {
  EXPECT_EQ(read("unix:/run/app.sock").target, (UpstreamTarget{.path = "/run/app.sock"}));
  EXPECT_EQ(read("unix:app.sock").target.path, "/srv/app.sock");
  EXPECT_EQ(read("unix:../app.sock").target.path, "/app.sock");
  EXPECT_EQ(read("unix:///run/app.sock").target.path, "/run/app.sock");
  EXPECT_EQ(read("unix:/run/a?b#c@d:1").target.path, "/run/a?b#c@d:1");
  const std::string longest = "unix:/" + std::string(106, 'x');
  EXPECT_EQ(read(longest).target.path.size(), 107U);
  EXPECT_EQ(problem_of(longest + "x").code, Code::bad_upstream_path);
}

TEST(UpstreamUrl, EachMistakeHasItsCode) {
  const std::pair<const char*, Code> mistakes[] = {
      {"app", Code::upstream_without_scheme},
      {"", Code::upstream_without_scheme},
      {"://app", Code::upstream_without_scheme},
      {"http:app", Code::upstream_without_scheme},
      {"ftp://app", Code::unknown_upstream_scheme},
      {"h2c://app", Code::unknown_upstream_scheme},
      {" http://app", Code::unknown_upstream_scheme},
      {"http://", Code::bad_upstream_host},
      {"http://:80", Code::bad_upstream_host},
      {"http://[]", Code::bad_upstream_host},
      {"http://[::1", Code::bad_upstream_host},
      {"http://[::1]x", Code::bad_upstream_host},
      {"http://[fe80::1%25eth0]", Code::bad_upstream_host},
      {"http://::1", Code::bad_upstream_host},
      {"http://a b", Code::bad_upstream_host},
      {"http://a%2eb", Code::bad_upstream_host},
      {"http://1.2.3", Code::bad_upstream_host},
      {"http://0x7f000001", Code::bad_upstream_host},
      {"http://2130706433", Code::bad_upstream_host},
      {"http://256.0.0.1", Code::bad_upstream_host},
      {"http://a.*", Code::bad_upstream_host},
      {"http://app:", Code::bad_upstream_port},
      {"http://app:0", Code::bad_upstream_port},
      {"http://app:00", Code::bad_upstream_port},
      {"http://app:65536", Code::bad_upstream_port},
      {"http://app:4294967376", Code::bad_upstream_port},
      {"http://app:+80", Code::bad_upstream_port},
      {"http://app:80x", Code::bad_upstream_port},
      {"http://[::1]:0", Code::bad_upstream_port},
      {"http://u@app", Code::upstream_with_userinfo},
      {"http://u:p@app:0/?x", Code::upstream_with_userinfo},
      {"http://@app", Code::upstream_with_userinfo},
      {"http://app?", Code::upstream_with_query},
      {"http://app/a?b#c", Code::upstream_with_query},
      {"http://app#", Code::upstream_with_fragment},
      {"http://app/#?", Code::upstream_with_fragment},
      {"http://app/%2", Code::bad_upstream_path},
      {"http://app/a/./b", Code::bad_upstream_path},
      {"http://app/..", Code::bad_upstream_path},
      {"http://app/$query", Code::bad_upstream_path},
      {"http://app/\\", Code::bad_upstream_path},
      {"unix:", Code::bad_upstream_path},
      {"unix:run/", Code::bad_upstream_path}};
  for (const auto& [text, code] : mistakes) {
    EXPECT_EQ(code_name(problem_of(text).code), code_name(code)) << text;
  }
}

TEST(UpstreamUrl, WhatIsSuggestedWouldDo) {
  EXPECT_EQ(problem_of("app:3000").note, "did you mean http://app:3000?");
  EXPECT_EQ(problem_of("https:app").note, "did you mean https://app?");
  EXPECT_EQ(problem_of("run.sock/").note, "did you mean http://run.sock/?");
  EXPECT_EQ(problem_of("h2c://app:3000").note, "write http://app:3000 and http2 = \"always\"");
  EXPECT_EQ(problem_of("grpcs://app").note, "write https://app and http2 = \"always\"");
  for (const char* text : {"app:0", "a b", "::1", "http:", "u@app"}) {
    EXPECT_TRUE(problem_of(text).note.starts_with("expected http://HOST:PORT")) << text;
  }
}

TEST(UpstreamUrl, WhatIsWrongCanBePointedAt) {
  EXPECT_EQ(problem_of("http://app:65536/v1").part, "65536");
  EXPECT_EQ(problem_of("http://u:p@app").part, "u:p");
  EXPECT_EQ(problem_of("http://app/v1?a=b").part, "?a=b");
  EXPECT_EQ(problem_of("ftp://app").part, "ftp");
  EXPECT_EQ(problem_of("app").part, "");
}

// --- Host ----------------------------------------------------------------------------------------

TEST(SentHost, IsKeptTheUpstreamsOrAName) {
  ProxyAction action{.target = read("http://app:3000").target};
  EXPECT_EQ(parse_sent_host("upstream", action), "");
  EXPECT_EQ(action.host_is, ProxyAction::Host::upstream);
  EXPECT_EQ(parse_sent_host("keep", action), "");
  EXPECT_EQ(action.host_is, ProxyAction::Host::kept);
  for (const char* name : {"app.example.com", "app:8080", "[::1]", "[::1]:8080", "192.0.2.7:1"}) {
    EXPECT_EQ(parse_sent_host(name, action), "") << name;
    EXPECT_EQ(action.host_is, ProxyAction::Host::given) << name;
    EXPECT_EQ(action.host, name);
  }
  EXPECT_EQ(parse_sent_host("App.Example", action), "");
  EXPECT_EQ(action.host, "app.example");
}

TEST(SentHost, RefusesWhatIsNone) {
  for (const char* text : {"", "*.example.com", "http://app", "app/", "app:", "app:0", "app:65536",
                           "::1", "a b", "a\r\nX: y", "[::1"}) {
    ProxyAction action{.target = read("http://app").target};
    EXPECT_NE(parse_sent_host(text, action), "") << text;
  }
  ProxyAction socket{.target = read("unix:/run/app.sock").target};
  EXPECT_NE(parse_sent_host("upstream", socket), "");
  EXPECT_EQ(parse_sent_host("app", socket), "");
}

}  // namespace
}  // namespace sluice::conf
