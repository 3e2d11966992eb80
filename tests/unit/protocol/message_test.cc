// Methods, reason phrases, and heads that are used again.
#include "protocol/message.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice {
namespace {

TEST(MethodOf, KnowsTheMethodsInTheirCase) {
  const std::vector<std::pair<std::string_view, Method>> methods = {
      {"GET", Method::get},         {"HEAD", Method::head},      {"POST", Method::post},
      {"PUT", Method::put},         {"DELETE", Method::delete_}, {"CONNECT", Method::connect},
      {"OPTIONS", Method::options}, {"TRACE", Method::trace},    {"PATCH", Method::patch},
  };
  for (const auto& [token, method] : methods) EXPECT_EQ(method_of(token), method) << token;
  for (const std::string_view token :
       {"", "get", "Get", "GETS", "HEAT", "PRI", "QUERY", "PROPFIND"}) {
    EXPECT_EQ(method_of(token), Method::other) << token;
  }
}

TEST(ReasonPhrase, KnowsTheCodes) {
  EXPECT_EQ(reason_phrase(100), "Continue");
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(413), "Content Too Large");
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(511), "Network Authentication Required");
  for (const int unknown : {-1, 0, 99, 102, 306, 418, 512, 1000}) {
    EXPECT_EQ(reason_phrase(unknown), "Unknown") << unknown;
  }
}

TEST(RequestHead, ClearsToTheStateOfANewOne) {
  RequestHead head;
  head.method = Method::post;
  head.target = head.path = head.query = head.scheme = head.authority = head.tunnel = "x";
  head.has_query = head.has_body = head.expects_continue = true;
  head.content_length = 1;
  head.storage = head.derived = Slice::of_static("x");
  head.fields.add("X", "1");
  head.clear();
  EXPECT_EQ(head.method, Method::other);
  EXPECT_TRUE(head.target.empty() && head.path.empty() && head.query.empty());
  EXPECT_TRUE(head.scheme.empty() && head.authority.empty() && head.tunnel.empty());
  EXPECT_FALSE(head.has_query || head.has_body || head.expects_continue || head.content_length);
  EXPECT_TRUE(head.storage.empty() && head.derived.empty() && head.fields.empty());
}

TEST(ResponseHead, ClearsToTheStateOfANewOne) {
  PreparedFields prepared;
  ResponseHead head;
  head.status = 404;
  head.prepared = &prepared;
  head.fields.add("X", "1");
  head.storage = Slice::of_static("x");
  head.clear();
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.prepared, nullptr);
  EXPECT_TRUE(head.fields.empty() && head.storage.empty());
}

}  // namespace
}  // namespace sluice
