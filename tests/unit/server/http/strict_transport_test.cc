// Strict-Transport-Security: what it says, and to whom (RFC 6797).
#include "server/http/strict_transport.h"

#include <gtest/gtest.h>

#include "unit/server/http/tls_link.h"

namespace sluice::http {
namespace {

// The field's value in an answer over TLS.
std::string said_over_tls(const conf::Hsts& hsts) {
  StrictTransport filter(hsts);
  ConnectionFixture world({}, {&filter});
  const auto tls = tls::make_listener(tls::listener_parts());
  world.listener =
      Ref<ListenerSettings>(new ListenerSettings(0, {.values = world.limits}, {}, tls));
  TlsLink link(world, {});
  const std::string answer = link.ask(get("/"));
  const size_t begin = answer.find("Strict-Transport-Security: ");
  if (begin == std::string::npos) return "";
  EXPECT_EQ(answer.find("Strict-Transport-Security", begin + 1), std::string::npos) << "once";
  return answer.substr(begin + 27, answer.find("\r\n", begin) - begin - 27);
}

TEST(StrictTransport, SaysWhatItIsToldTo) {
  using std::chrono::seconds;
  EXPECT_EQ(said_over_tls({.max_age = seconds(300)}), "max-age=300");
  EXPECT_EQ(said_over_tls({.max_age = seconds(0)}), "max-age=0");
  EXPECT_EQ(said_over_tls({.max_age = seconds(31536000), .subdomains = true}),
            "max-age=31536000; includeSubDomains");
  EXPECT_EQ(said_over_tls({.max_age = seconds(63072000), .subdomains = true, .preload = true}),
            "max-age=63072000; includeSubDomains; preload");
}

// Section 7.2: not in clear text, where anybody could have said it.
TEST(StrictTransport, SaysNothingInClearText) {
  StrictTransport filter({.max_age = std::chrono::seconds(300)});
  ConnectionFixture world({}, {&filter});
  world.connect();
  world.send(get("/"));
  EXPECT_EQ(world.output(), kHello);
}

}  // namespace
}  // namespace sluice::http
