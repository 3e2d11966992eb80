// Rules for response fields, on heads of every make.
#include "server/http/field_rules.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "unit/server/http/connection_fixture.h"

namespace sluice::http {
namespace {

using enum conf::FieldRule::Action;
using Rules = std::vector<conf::FieldRule>;

// The fields after the rules, one a line; prepared ones last. The rules stay: what they set points
// into them.
std::string after(Rules rules, ResponseHead& head) {
  static Exchange exchange;
  static std::deque<Rules> kept;
  FieldRules filter(kept.emplace_back(std::move(rules)));
  (void)filter.on_response(exchange, head, {});
  std::string text;
  for (const Field& field : head.fields)
    text.append(field.name).append(": ").append(field.value).append("\n");
  if (head.prepared != nullptr) text += "prepared\n";
  return text;
}

TEST(FieldRules, SetReplacesAddAppendsRemoveRemoves) {
  ResponseHead head;
  head.fields.add("X-A", "1");
  head.fields.add("x-a", "2");
  head.fields.add("X-B", "3");
  EXPECT_EQ(after({{set, "X-A", "new"}, {add, "X-B", "4"}, {remove, "X-C", ""}}, head),
            "X-B: 3\nX-A: new\nX-B: 4\n");
  EXPECT_EQ(after({{remove, "x-b", ""}}, head), "X-A: new\n");
}

// Outer rules come first, so the inner ones win.
TEST(FieldRules, LaterRulesWin) {
  ResponseHead head;
  EXPECT_EQ(after({{set, "X", "1"}, {add, "X", "2"}, {set, "X", "3"}, {add, "X", "4"}}, head),
            "X: 3\nX: 4\n");
  EXPECT_EQ(after({{set, "Y", "1"}, {remove, "X", ""}}, head), "Y: 1\n");
}

PreparedFields prepared_fields() {
  PreparedFields prepared;
  prepared.fields.add("Content-Type", "text/html");
  prepared.fields.add("ETag", "\"x\"");
  prepared.fields.add("Cache-Control", "max-age=60");
  prepared.h1 = "Content-Type: text/html\r\nETag: \"x\"\r\nCache-Control: max-age=60\r\n";
  return prepared;
}

TEST(FieldRules, PreparedFieldsAreCopiedOnlyWhenOneGoes) {
  const PreparedFields prepared = prepared_fields();
  ResponseHead head;
  head.prepared = &prepared;
  EXPECT_EQ(after({{set, "X", "1"}, {add, "Link", "2"}, {remove, "Y", ""}}, head),
            "X: 1\nLink: 2\nprepared\n");
  EXPECT_EQ(after({{set, "content-type", "text/plain"}}, head),
            "X: 1\nLink: 2\nETag: \"x\"\nCache-Control: max-age=60\ncontent-type: text/plain\n");
}

TEST(FieldRules, ExpiresGoesWithCacheControl) {
  const PreparedFields prepared = prepared_fields();
  ResponseHead head;
  head.prepared = &prepared;
  head.fields.add("Expires", "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(after({{set, "Cache-Control", "no-store"}}, head),
            "Content-Type: text/html\nETag: \"x\"\nCache-Control: no-store\n");
}

// RFC 9110 section 15.4.5: a 304 is no place to describe content that it does not have.
TEST(FieldRules, ResponsesWithoutContentAreNotGivenItsFields) {
  const Rules rules = {{set, "Content-Type", "a/b"},
                       {add, "Content-Language", "de"},
                       {set, "Content-Security-Policy", "default-src 'self'"},
                       {set, "Cache-Control", "no-cache"}};
  for (int status : {204, 304}) {
    ResponseHead head;
    head.status = status;
    EXPECT_EQ(after(rules, head),
              "Content-Security-Policy: default-src 'self'\nCache-Control: no-cache\n");
  }
}

// RFC 9110 section 14.6: the boundary stands in Content-Type.
TEST(FieldRules, PartsKeepTheirBoundary) {
  ResponseHead head;
  head.status = 206;
  head.fields.add("Content-Type", "multipart/byteranges; boundary=x");
  EXPECT_EQ(after({{set, "Content-Type", "a/b"}, {set, "X", "1"}}, head),
            "Content-Type: multipart/byteranges; boundary=x\nX: 1\n");
}

TEST(FieldRules, ApplyToErrorsAndNotToInterimResponses) {
  const Rules rules = {{set, "X-Rule", "yes"}};
  FieldRules filter(rules);
  GuardFilter guard;
  ConnectionFixture f({}, {&filter, &guard});
  f.connect();
  f.send(get("/secret"));
  EXPECT_TRUE(f.output().starts_with("HTTP/1.1 403 Forbidden\r\n")) << f.output();
  EXPECT_NE(f.output().find("X-Rule: yes\r\n"), std::string::npos);
  f.wire.output.clear();
  f.send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(f.output(), "HTTP/1.1 100 Continue\r\n\r\n");
}

}  // namespace
}  // namespace sluice::http
