// 103 (Early Hints): to whom, when, and what the final response says (RFC 8297).
#include "server/http/early_hints.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "unit/server/http/connection_fixture.h"

namespace sluice::http {
namespace {

const std::vector<std::string> kLinks = {"</a.css>; rel=preload; as=style",
                                         "</b.js>; rel=preload; as=script"};
constexpr std::string_view kLinkLines =
    "Link: </a.css>; rel=preload; as=style\r\nLink: </b.js>; rel=preload; as=script\r\n";
constexpr std::string_view kNavigates = "Sec-Fetch-Mode: navigate\r\n";

std::string hints() { return "HTTP/1.1 103 Early Hints\r\n" + std::string(kLinkLines) + "\r\n"; }

struct Hinting {
  explicit Hinting(bool to_all, std::vector<Filter*> more = {}) : filter(kLinks, to_all) {
    more.push_back(&filter);
    world.emplace(conf::Limits(), more);
    world->connect();
  }
  std::string ask(const std::string& request) {
    world->send(request);
    return world->output();
  }
  EarlyHints filter;
  std::optional<ConnectionFixture> world;
};

TEST(EarlyHints, WhoNavigatesIsHintedBeforeTheResponseWhichSaysTheSame) {
  Hinting one(false);
  EXPECT_EQ(one.ask(get("/", kNavigates)), hints() + "HTTP/1.1 200 OK\r\n" +
                                               std::string(kLinkLines) +
                                               "Content-Length: 11\r\n\r\nhello GET /");
}

TEST(EarlyHints, OthersGetTheResponseAlone) {
  for (const char* more : {"", "Sec-Fetch-Mode: no-cors\r\n", "Sec-Fetch-Mode: navigated\r\n"}) {
    Hinting one(false);
    EXPECT_EQ(one.ask(get("/", more)), kHello) << more;
  }
}

TEST(EarlyHints, AllAreHintedWhereTheSiteSaysSo) {
  Hinting one(true);
  EXPECT_TRUE(one.ask(get("/")).starts_with(hints() + "HTTP/1.1 200 OK\r\nLink: </a.css>"));
}

TEST(EarlyHints, TheHintsLeaveWhileTheHandlerIsAtWork) {
  Hinting one(true);
  EXPECT_EQ(one.ask(get("/later")), hints());
  one.world->handler.waiting->respond();
  one.world->turn();
  EXPECT_EQ(one.world->statuses(), (std::vector<int>{103, 200}));
}

TEST(EarlyHints, OnlyGetIsHinted) {
  for (const char* method : {"OPTIONS", "DELETE"}) {
    Hinting one(true);
    const std::string answer = one.ask(std::string(method) + " / HTTP/1.1\r\nHost: a\r\n" +
                                       std::string(kNavigates) + "\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << method;
    EXPECT_EQ(answer.find("Link"), answer.npos) << method;
  }
  Hinting one(true);
  EXPECT_EQ(one.ask(post("/count", "abc")), "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n3");
}

// RFC 9110 section 9.3.2: the fields that GET would have had.
TEST(EarlyHints, HeadGetsTheFieldsInItsResponseAlone) {
  Hinting one(true);
  EXPECT_EQ(one.ask("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"),
            "HTTP/1.1 200 OK\r\n" + std::string(kLinkLines) + "Content-Length: 12\r\n\r\n");
}

// RFC 9110 section 15.2: HTTP/1.0 defined no 1xx.
TEST(EarlyHints, Http10GetsNoInterimResponse) {
  Hinting one(true);
  const std::string answer = one.ask("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nLink: </a.css>")) << answer;
}

TEST(EarlyHints, EachRequestOfAConnectionIsHinted) {
  Hinting one(false);
  (void)one.ask(get("/", kNavigates) + get("/x") + get("/", kNavigates));
  EXPECT_EQ(one.world->statuses(), (std::vector<int>{103, 200, 200, 103, 200}));
}

TEST(EarlyHints, AnExchangeIsHintedOnce) {
  EarlyHints another(kLinks, true);
  Hinting one(true, {&another});
  (void)one.ask(get("/"));
  EXPECT_EQ(one.world->statuses(), (std::vector<int>{103, 200}));
}

TEST(EarlyHints, RulesForFieldsThatStandBeforeHaveTheLastWord) {
  class Remover final : public Filter {
    BodySourcePointer on_response(Exchange&, ResponseHead& head,
                                  BodySourcePointer source) override {
      EXPECT_EQ(head.fields.size(), 2U);
      head.fields.clear();
      return source;
    }
  } remover;
  Hinting one(true, {&remover});
  EXPECT_EQ(one.ask(get("/")), hints() + std::string(kHello));
}

}  // namespace
}  // namespace sluice::http
