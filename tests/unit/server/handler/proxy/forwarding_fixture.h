// A route, a client and a request to forward, each as a test wants it; what comes out as text.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/configuration.h"
#include "protocol/block.h"
#include "protocol/request_target.h"
#include "server/handler/proxy/forwarding.h"

namespace sluice::handler::proxy {

using Verdict = Forwarding::Verdict;

// The fields, one a line.
inline std::string lines(const FieldList& fields) {
  std::string text;
  for (const Field& field : fields) {
    text.append(field.name).append(": ").append(field.value).append("\n");
  }
  return text;
}

struct ForwardingFixture {
  ForwardingFixture() {
    action.target.host = "10.0.0.9";
    action.target.port = 3000;
    ask("/");
  }

  // The request's target, read as a codec reads it.
  void ask(std::string_view target) {
    Target parts;
    in.derived = Slice();
    in.target = target;
    if (parse_target(target, parts)) take_target(parts, pool, in);
  }
  Verdict forward() {
    forwarding.emplace(action, via);
    return forwarding->make_request(in, client, room, out);
  }
  // The value of the one field with this name; "(none)" or "(several)".
  std::string sent(std::string_view name) {
    std::optional<std::string> found;
    for (const Field& field : out.fields) {
      if (!equals_ignoring_case(field.name, name)) continue;
      found = found ? "(several)" : std::string(field.value);
    }
    return found.value_or("(none)");
  }
  // What the field says when it goes upstream.
  std::string forwarded(std::string_view name) {
    EXPECT_EQ(forward(), Verdict::forward);
    return sent(name);
  }
  // The target that goes upstream for this one; what is read back from it must agree.
  std::string target_of(std::string_view target) {
    ask(target);
    EXPECT_EQ(forward(), Verdict::forward);
    Target parts;
    EXPECT_TRUE(parse_target(out.target, parts)) << out.target;
    EXPECT_EQ(parts.has_query, out.has_query);
    EXPECT_EQ(parts.query, out.query);
    std::string normal(parts.path.size() + 1, '\0');
    normal.resize(normalize_path(parts.path, normal));
    EXPECT_EQ(normal, out.path);
    EXPECT_FALSE(has_dot_segments(parts.path));
    return std::string(out.target);
  }

  // The value of the response's field on its way to the client.
  std::string answered(std::string_view name, std::string_view value) {
    EXPECT_EQ(forward(), Verdict::forward);
    head.clear();
    head.fields.add(name, value);
    forwarding->adapt_response(in, out, client.secure, head);
    EXPECT_EQ(head.fields.size(), 2U);
    return std::string(head.fields[0].value);
  }

  static RequestHead request() {
    RequestHead head;
    head.method = Method::get;
    head.method_text = "GET";
    head.authority = "example.com";
    head.protocol = "HTTP/1.1";
    return head;
  }

  BlockPool pool;
  conf::ProxyAction action;
  ViaName via{"sluice-test"};
  ClientFacts client{.address = "192.0.2.1",
                     .port = 5555,
                     .listener_port = 8080,
                     .secure = false,
                     .trusted = false,
                     .request_id = "0123456789abcdef"};
  RequestHead in = request();
  std::array<char, 512> room;
  RequestHead out;
  ResponseHead head;
  std::optional<Forwarding> forwarding;
};

}  // namespace sluice::handler::proxy
