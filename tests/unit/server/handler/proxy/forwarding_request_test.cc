// A request's head as it goes upstream: what the client may say, what we say, and where it goes.
#include <cctype>
#include <deque>
#include <iterator>
#include <random>
#include <string>

#include "server/handler/proxy/forwarding.h"
#include "unit/server/handler/proxy/forwarding_fixture.h"

namespace sluice::handler::proxy {
namespace {

using enum conf::FieldRule::Action;

TEST(ForwardingRequest, PassesTheHeadOnAndSaysWhoAsked) {
  ForwardingFixture f;
  f.in.fields.add("Accept", "*/*");
  f.in.fields.add("X-Own", "");
  f.in.has_body = true;
  f.in.content_length = 7;
  f.in.expects_continue = true;
  EXPECT_EQ(f.forward(), Verdict::forward);
  EXPECT_EQ(lines(f.out.fields),
            "Accept: */*\n"
            "X-Own: \n"
            "X-Forwarded-For: 192.0.2.1\n"
            "X-Forwarded-Proto: http\n"
            "X-Forwarded-Host: example.com\n"
            "X-Forwarded-Port: 8080\n"
            "X-Real-IP: 192.0.2.1\n"
            "X-Request-ID: 0123456789abcdef\n"
            "Forwarded: for=192.0.2.1;proto=http;host=example.com\n"
            "Via: 1.1 sluice-test\n");
  EXPECT_EQ(f.out.method, Method::get);
  EXPECT_EQ(f.out.method_text, "GET");
  EXPECT_EQ(f.out.target, "/");
  EXPECT_EQ(f.out.authority, "example.com");
  EXPECT_TRUE(f.out.has_body);
  EXPECT_EQ(f.out.content_length, 7U);
  EXPECT_TRUE(f.out.expects_continue);
  EXPECT_TRUE(f.out.tunnel.empty());
}

// The head of the request before must leave nothing behind.
TEST(ForwardingRequest, ClearsWhatWasThere) {
  ForwardingFixture f;
  f.out.fields.add("X-Old", "1");
  f.out.tunnel = "websocket";
  f.out.expects_continue = true;
  EXPECT_EQ(f.forwarded("X-Old"), "(none)");
  EXPECT_TRUE(f.out.tunnel.empty());
  EXPECT_FALSE(f.out.expects_continue);
}

constexpr std::string_view kOfHops[] = {
    "Forwarded",          "X-Forwarded-For",    "X-Forwarded-Proto",  "X-Forwarded-Host",
    "X-Forwarded-Port",   "X-Forwarded-Server", "X-Forwarded-Prefix", "X-Forwarded-Ssl",
    "X-Forwarded-Scheme", "X-Forwarded-",       "X-Real-IP",          "X-Request-ID"};

TEST(ForwardingRequest, AnUntrustedClientHasNoSayInWhoItIs) {
  for (const std::string_view name : kOfHops) {
    ForwardingFixture f;
    std::string upper(name);
    for (char& octet : upper) octet = static_cast<char>(std::toupper(octet));
    f.in.fields.add(name, "10.9.9.9");
    f.in.fields.add(upper, "10.9.9.9");
    EXPECT_EQ(f.forward(), Verdict::forward);
    EXPECT_EQ(lines(f.out.fields).find("10.9.9.9"), std::string::npos) << name;
  }
}

TEST(ForwardingRequest, ATrustedPeersFieldsAreKeptOrContinued) {
  ForwardingFixture f;
  f.client.trusted = true;
  f.in.fields.add("X-Forwarded-For", "203.0.113.5");
  f.in.fields.add("X-Forwarded-For", "203.0.113.6, 198.51.100.1");
  f.in.fields.add("X-Forwarded-Proto", "https");
  f.in.fields.add("X-Forwarded-Host", "shop.example");
  f.in.fields.add("X-Forwarded-Port", "8443");
  f.in.fields.add("X-Forwarded-Server", "edge");
  f.in.fields.add("X-Forwarded-Prefix", "/shop");
  f.in.fields.add("X-Real-IP", "203.0.113.5");
  f.in.fields.add("Forwarded", "for=203.0.113.5;proto=https");
  f.in.fields.add("Forwarded", "for=203.0.113.6");
  EXPECT_EQ(f.forward(), Verdict::forward);
  EXPECT_EQ(f.sent("X-Forwarded-For"), "203.0.113.5, 203.0.113.6, 198.51.100.1, 192.0.2.1");
  EXPECT_EQ(f.sent("X-Forwarded-Proto"), "https");
  EXPECT_EQ(f.sent("X-Forwarded-Host"), "shop.example");
  EXPECT_EQ(f.sent("X-Forwarded-Port"), "8443");
  EXPECT_EQ(f.sent("X-Forwarded-Server"), "edge");
  EXPECT_EQ(f.sent("X-Forwarded-Prefix"), "/shop");
  EXPECT_EQ(f.sent("X-Real-IP"), "203.0.113.5");
  EXPECT_EQ(f.sent("Forwarded"),
            "for=203.0.113.5;proto=https, for=203.0.113.6, "
            "for=192.0.2.1;proto=http;host=example.com");
}

// The nearest hop, the one that is trusted, puts its own line last.
TEST(ForwardingRequest, OfSeveralLinesOfATrustedPeerTheLastHolds) {
  ForwardingFixture f;
  f.client.trusted = true;
  for (const std::string_view name :
       {"X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port"}) {
    f.in.fields.add(name, "first");
    f.in.fields.add(name, "last");
    f.in.fields.add(name, "");
    EXPECT_EQ(f.forwarded(name), "last");
  }
}

// A request identifier is judged where it is taken over (Exchange::request_id).
TEST(ForwardingRequest, TheRequestIdIsTheExchanges) {
  ForwardingFixture f;
  f.client.trusted = true;
  f.in.fields.add("X-Request-ID", "not what the log says");
  EXPECT_EQ(f.forwarded("X-Request-ID"), "0123456789abcdef");
  f.client.request_id = "";
  EXPECT_EQ(f.forwarded("X-Request-ID"), "(none)");
}

TEST(ForwardingRequest, XRealIpOfATrustedPeerMustBeAnAddress) {
  ForwardingFixture f;
  f.client.trusted = true;
  f.in.fields.add("X-Real-IP", "2001:db8::7");
  EXPECT_EQ(f.forwarded("X-Real-IP"), "2001:db8::7");
  for (const std::string_view bad :
       {"", "unknown", "[2001:db8::7]", "1.2.3.4.5", "1.2.3", "1.2.3.4, 5.6.7.8", "::g",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"}) {
    f.in.fields.clear();
    f.in.fields.add("X-Real-IP", bad);
    EXPECT_EQ(f.forwarded("X-Real-IP"), "192.0.2.1") << bad;
  }
}

TEST(ForwardingRequest, AnIpv6ClientStandsInBracketsInForwardedOnly) {
  ForwardingFixture f;
  f.client.address = "2001:db8::1";
  EXPECT_EQ(f.forwarded("Forwarded"), "for=\"[2001:db8::1]\";proto=http;host=example.com");
  EXPECT_EQ(f.sent("X-Forwarded-For"), "2001:db8::1");
  EXPECT_EQ(f.sent("X-Real-IP"), "2001:db8::1");
}

// RFC 7239 section 6.2.
TEST(ForwardingRequest, APeerWithoutAddressIsUnknown) {
  for (const std::string_view address : {"unix:", "unix:/run/x.sock", ""}) {
    ForwardingFixture f;
    f.client.address = address;
    EXPECT_EQ(f.forwarded("Forwarded"), "for=unknown;proto=http;host=example.com");
    EXPECT_EQ(f.sent("X-Forwarded-For"), "unknown");
    EXPECT_EQ(f.sent("X-Real-IP"), "(none)");
  }
}

TEST(ForwardingRequest, ForwardedQuotesWhatIsNoToken) {
  ForwardingFixture f;
  f.in.authority = "example.com:8080";
  EXPECT_EQ(f.forwarded("Forwarded"), "for=192.0.2.1;proto=http;host=\"example.com:8080\"");
  f.in.authority = "[2001:db8::2]";
  EXPECT_EQ(f.forwarded("Forwarded"), "for=192.0.2.1;proto=http;host=\"[2001:db8::2]\"");
  f.in.authority = "";
  EXPECT_EQ(f.forwarded("Forwarded"), "for=192.0.2.1;proto=http");
  EXPECT_EQ(f.sent("X-Forwarded-Host"), "(none)");
}

// Else an application that believes Forwarded first took the trusted proxy for its client.
TEST(ForwardingRequest, ATrustedPeersOlderListBeginsForwarded) {
  ForwardingFixture f;
  f.client.trusted = true;
  f.in.fields.add("X-Forwarded-For", "203.0.113.5, 2001:db8::7");
  f.in.fields.add("X-Forwarded-For", ",nonsense\", ");
  f.in.fields.add("X-Forwarded-For", "a b");
  f.in.fields.add("X-Forwarded-Proto", "https");
  f.in.fields.add("X-Forwarded-Host", "shop.example:444");
  EXPECT_EQ(f.forwarded("Forwarded"),
            "for=203.0.113.5;proto=https;host=\"shop.example:444\", for=\"[2001:db8::7]\", "
            "for=unknown, for=192.0.2.1;proto=http;host=example.com");
}

TEST(ForwardingRequest, ConvertedParametersThatWouldBreakOutAreLeftOut) {
  ForwardingFixture f;
  f.client.trusted = true;
  f.in.fields.add("X-Forwarded-For", "203.0.113.5");
  f.in.fields.add("X-Forwarded-Proto", "https;for=1");
  f.in.fields.add("X-Forwarded-Host", "a\";for=\"1");
  EXPECT_EQ(f.forwarded("Forwarded"), "for=203.0.113.5, for=192.0.2.1;proto=http;host=example.com");
}

// An open quotation would swallow what we append.
TEST(ForwardingRequest, AListThatCannotBeContinuedIsDropped) {
  ForwardingFixture f;
  f.client.trusted = true;
  for (const std::string_view open : {"for=\"", "for=\"a\\\"", "for=a;by=\"b\", for=\"\\", ""}) {
    f.in.fields.clear();
    f.in.fields.add("Forwarded", open);
    EXPECT_EQ(f.forwarded("Forwarded"), "for=192.0.2.1;proto=http;host=example.com") << open;
  }
  f.in.fields.clear();
  f.in.fields.add("Forwarded", "for=\"a\\\"b\"");
  EXPECT_EQ(f.forwarded("Forwarded"), "for=\"a\\\"b\", for=192.0.2.1;proto=http;host=example.com");
}

// The longest lists that a head can hold: what was measured must do, and nothing is left out.
TEST(ForwardingRequest, VeryLongListsFit) {
  for (const std::string_view entry : {"1", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", "a"}) {
    ForwardingFixture f;
    f.client.trusted = true;
    f.client.address = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff";
    std::string list(entry);
    while (list.size() < 32768) list.append(",").append(entry);
    f.in.fields.add("X-Forwarded-For", list);
    EXPECT_EQ(f.forwarded("X-Forwarded-For").size(), list.size() + 2 + f.client.address.size());
    f.in.fields.add("Forwarded", list);
    EXPECT_GT(f.forwarded("Forwarded").size(), list.size() + f.client.address.size());
    for (int line = 0; line < 90; ++line) f.in.fields.add("X-Forwarded-For", "x");
    EXPECT_EQ(f.forwarded("X-Forwarded-For").size(),
              list.size() + 2 + f.client.address.size() + 90 * 3);
  }
}

// Names that only look like those go through.
TEST(ForwardingRequest, OtherFieldsPass) {
  for (const std::string_view name :
       {"X-Forwarded", "X-Forward-For", "XX-Forwarded-For", "X-Real-IPs", "Vib", "Y-Forwarded-For",
        "Forwardee", "X-Request-Ie", "X", "Max-Forwarde"}) {
    ForwardingFixture f;
    f.in.fields.add(name, "10.9.9.9");
    EXPECT_EQ(f.forwarded(name), "10.9.9.9");
  }
}

// Whatever a trusted peer passes on from its client, what was measured does, and our word is last.
TEST(ForwardingRequest, AnyListOfATrustedPeersIsContinued) {
  static constexpr std::string_view kPieces[] = {
      "1.2.3.4", "2001:db8::1", ",", ", ", "\"", "\\", ";", "for=", "=", " ", "[", "]", "x", "\t"};
  std::minstd_rand random(7);
  const auto value = [&random] {
    std::string text;
    for (auto piece = random() % 12; piece > 0; --piece) {
      text += kPieces[random() % std::size(kPieces)];
    }
    return text;
  };
  for (int round = 0; round < 2000; ++round) {
    ForwardingFixture f;
    f.client.trusted = true;
    std::deque<std::string> values;
    for (auto field = random() % 8; field > 0; --field) {
      f.in.fields.add(kOfHops[random() % std::size(kOfHops)], values.emplace_back(value()));
    }
    EXPECT_TRUE(f.forwarded("X-Forwarded-For").ends_with("192.0.2.1"));
    EXPECT_TRUE(f.sent("Forwarded").ends_with("for=192.0.2.1;proto=http;host=example.com"));
  }
}

TEST(ForwardingRequest, ThePortIsTheOneThatTheClientAsked) {
  ForwardingFixture f;
  f.client.listener_port = 0;  // a Unix socket's: the host says it, or the scheme
  EXPECT_EQ(f.forwarded("X-Forwarded-Port"), "80");
  f.client.secure = true;
  EXPECT_EQ(f.forwarded("X-Forwarded-Port"), "443");
  EXPECT_EQ(f.sent("X-Forwarded-Proto"), "https");
  f.in.authority = "example.com:65535";
  EXPECT_EQ(f.forwarded("X-Forwarded-Port"), "65535");
}

// A trusted peer that ended TLS for us was not asked at our listener's port.
TEST(ForwardingRequest, ThePortGoesWithATrustedPeersScheme) {
  ForwardingFixture f;
  f.client.trusted = true;
  f.in.fields.add("X-Forwarded-Proto", "https");
  EXPECT_EQ(f.forwarded("X-Forwarded-Port"), "443");
  f.in.fields.add("X-Forwarded-Host", "shop.example:444");
  EXPECT_EQ(f.forwarded("X-Forwarded-Port"), "444");
  f.in.fields.add("X-Forwarded-Host", "shop.example:999999");
  EXPECT_EQ(f.forwarded("X-Forwarded-Port"), "443");
}

TEST(ForwardingRequest, NamesWithUnderscoresStayBehindUnlessAsked) {
  ForwardingFixture f;
  f.in.fields.add("X_Own", "1");
  f.in.fields.add("_", "1");
  EXPECT_EQ(f.forwarded("X_Own"), "(none)");
  EXPECT_EQ(f.sent("_"), "(none)");
  f.action.underscores = true;
  EXPECT_EQ(f.forwarded("X_Own"), "1");
  EXPECT_EQ(f.sent("_"), "1");
}

// Gateways that take '_' for '-' would read the client's word after ours.
TEST(ForwardingRequest, UnderscoresAreNoWayAroundTrust) {
  for (const bool trusted : {false, true}) {
    for (const std::string_view name : kOfHops) {
      if (name.find('-') == std::string_view::npos) continue;
      ForwardingFixture f;
      f.action.underscores = true;
      f.client.trusted = trusted;
      std::string spelled(name);
      spelled[spelled.find_last_of('-')] = '_';
      EXPECT_NE(spelled, name);
      f.in.fields.add(spelled, "10.9.9.9");
      EXPECT_EQ(f.forward(), Verdict::forward);
      EXPECT_EQ(lines(f.out.fields).find("10.9.9.9"), std::string::npos) << spelled;
    }
  }
}

TEST(ForwardingRequest, ViaSaysTheVersionThatWasReceived) {
  ForwardingFixture f;
  f.in.protocol = "HTTP/1.0";
  EXPECT_EQ(f.forwarded("Via"), "1.0 sluice-test");
  f.in.protocol = "HTTP/2.0";
  EXPECT_EQ(f.forwarded("Via"), "2 sluice-test");
}

// Lines of one field are one list (RFC 9110 section 5.3): ours comes last.
TEST(ForwardingRequest, ViaOfOthersIsContinued) {
  ForwardingFixture f;
  f.in.fields.add("via", "1.0 fred, 1.1 p.example (a, comment)");
  EXPECT_EQ(f.forward(), Verdict::forward);
  const std::string text = lines(f.out.fields);
  EXPECT_LT(text.find("via: 1.0 fred, 1.1 p.example (a, comment)\n"),
            text.find("Via: 1.1 sluice-test\n"));
}

TEST(ForwardingRequest, TheSecondSightOfOurselvesIsALoop) {
  ForwardingFixture f;
  f.in.fields.add("Via", "1.1 sluice-test");
  EXPECT_EQ(f.forward(), Verdict::forward);
  f.in.fields.add("Via", "1.1 sluice-test2, 1.1 a-sluice-test, 2 other");
  EXPECT_EQ(f.forward(), Verdict::forward);
  f.in.fields.add("Via", "2 sluice-test");
  EXPECT_EQ(f.forward(), Verdict::loop);
  f.in.fields.clear();
  f.in.fields.add("Via", "1.1 a, 2\tsluice-test (c),1.0 sluice-test");
  EXPECT_EQ(f.forward(), Verdict::loop);
}

TEST(ForwardingRequest, MaxForwardsCountsDown) {
  ForwardingFixture f;
  f.in.method = Method::options;
  f.in.fields.add("Max-Forwards", "10");
  EXPECT_EQ(f.forwarded("Max-Forwards"), "9");
  f.in.method = Method::trace;
  EXPECT_EQ(f.forwarded("Max-Forwards"), "9");
  f.in.method = Method::get;
  EXPECT_EQ(f.forwarded("Max-Forwards"), "10");
}

TEST(ForwardingRequest, MaxForwardsOfZeroIsOursToAnswer) {
  for (const std::string_view zero : {"0", "00000000000000000000000000"}) {
    ForwardingFixture f;
    f.in.fields.add("Max-Forwards", zero);
    EXPECT_EQ(f.forward(), Verdict::forward);
    f.in.method = Method::options;
    EXPECT_EQ(f.forward(), Verdict::last_hop);
    f.in.method = Method::trace;
    EXPECT_EQ(f.forward(), Verdict::last_hop);
  }
}

TEST(ForwardingRequest, MaxForwardsThatIsNoNumberPasses) {
  ForwardingFixture f;
  f.in.method = Method::options;
  for (const std::string_view wild : {"", "-1", "1x", "+1", "1, 0"}) {
    f.in.fields.clear();
    f.in.fields.add("Max-Forwards", wild);
    EXPECT_EQ(f.forwarded("Max-Forwards"), wild);
  }
  f.in.fields.clear();
  f.in.fields.add("Max-Forwards", "99999999999999999999999");
  EXPECT_EQ(f.forwarded("Max-Forwards"), "18446744073709551614");
}

TEST(ForwardingRequest, HostIsKeptByDefault) {
  ForwardingFixture f;
  EXPECT_EQ(f.forward(), Verdict::forward);
  EXPECT_EQ(f.out.authority, "example.com");
  f.in.authority = "";  // HTTP/1.0 without Host
  EXPECT_EQ(f.forward(), Verdict::forward);
  EXPECT_EQ(f.out.authority, "10.0.0.9:3000");
}

TEST(ForwardingRequest, HostMayBeGiven) {
  ForwardingFixture f;
  f.action.host_is = conf::ProxyAction::Host::given;
  f.action.host = "inner.example";
  EXPECT_EQ(f.forward(), Verdict::forward);
  EXPECT_EQ(f.out.authority, "inner.example");
  EXPECT_EQ(f.sent("X-Forwarded-Host"), "example.com");
}

struct TargetCase {
  std::string_view host;
  uint16_t port;
  bool secure;
  std::string_view authority;
};

TEST(ForwardingRequest, HostMayBeTheUpstreams) {
  for (const TargetCase& it :
       {TargetCase{"app", 3000, false, "app:3000"}, TargetCase{"app", 80, false, "app"},
        TargetCase{"app", 443, false, "app:443"}, TargetCase{"app", 443, true, "app"},
        TargetCase{"app", 80, true, "app:80"}, TargetCase{"::1", 3000, false, "[::1]:3000"},
        TargetCase{"::1", 80, false, "[::1]"},
        TargetCase{"_http._tcp.app.internal", 0, false, "app.internal"},
        TargetCase{"", 0, false, "localhost"}}) {
    ForwardingFixture f;
    f.action.host_is = conf::ProxyAction::Host::upstream;
    f.action.target.host = it.host;
    f.action.target.port = it.port;
    if (it.secure) f.action.target.tls.emplace();
    EXPECT_EQ(f.forward(), Verdict::forward);
    EXPECT_EQ(f.out.authority, it.authority);
  }
}

TEST(ForwardingRequest, RulesComeAfterAllOthers) {
  ForwardingFixture f;
  f.action.fields = {{set, "x-own", "ours"},        {remove, "X-Forwarded-Port", ""},
                     {set, "X-Real-IP", "1.2.3.4"}, {remove, "Cookie", ""},
                     {add, "X-More", "1"},          {add, "X-More", "2"}};
  f.in.fields.add("X-Own", "theirs");
  f.in.fields.add("Cookie", "a=b");
  f.in.fields.add("X-More", "0");
  EXPECT_EQ(f.forward(), Verdict::forward);
  EXPECT_EQ(lines(f.out.fields),
            "X-More: 0\n"
            "X-Forwarded-For: 192.0.2.1\n"
            "X-Forwarded-Proto: http\n"
            "X-Forwarded-Host: example.com\n"
            "X-Request-ID: 0123456789abcdef\n"
            "Forwarded: for=192.0.2.1;proto=http;host=example.com\n"
            "Via: 1.1 sluice-test\n"
            "x-own: ours\n"
            "X-Real-IP: 1.2.3.4\n"
            "X-More: 1\n"
            "X-More: 2\n");
}

// A `set` or `remove` undoes what rules before it added.
TEST(ForwardingRequest, LaterRulesWin) {
  ForwardingFixture f;
  f.action.fields = {{set, "X", "1"}, {add, "x", "2"},   {set, "X", "3"}, {add, "X", "4"},
                     {add, "Y", "1"}, {remove, "y", ""}, {add, "Z", "1"}};
  f.in.fields.add("Z", "0");
  f.in.fields.add("Y", "0");
  EXPECT_EQ(f.forward(), Verdict::forward);
  const std::string text = lines(f.out.fields);
  EXPECT_TRUE(text.starts_with("Z: 0\nX-Forwarded-For")) << text;
  EXPECT_TRUE(text.ends_with("Via: 1.1 sluice-test\nX: 3\nX: 4\nZ: 1\n")) << text;
}

// What lives for the call only, the client's address and the identifier, is copied.
TEST(ForwardingRequest, ViewsOutliveTheFacts) {
  ForwardingFixture f;
  std::string address = "192.0.2.77";
  std::string id = "0123456789abcdef";
  f.client.address = address;
  f.client.request_id = id;
  f.action.strip = "/a";
  f.ask("/a/b?c");
  EXPECT_EQ(f.forward(), Verdict::forward);
  address.assign(address.size(), '!');
  id.assign(id.size(), '!');
  const std::string text = lines(f.out.fields) + std::string(f.out.target);
  EXPECT_EQ(text.find('!'), std::string::npos) << text;
}

}  // namespace
}  // namespace sluice::handler::proxy
