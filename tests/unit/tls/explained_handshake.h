// A real client that fails, and what is to be said of it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <string_view>

#include "tls/handshake_failure.h"
#include "unit/tls/served_handshake.h"

namespace sluice::tls {

// The kind, and a part of the words.
struct Expected {
  std::string_view kind;
  std::string_view words;
};

inline HandshakeFailure explain(const ServedHandshake& served, HandshakeEnd end) {
  return explain_handshake(served.report(), served.context(), served.session().choice(), end);
}

inline void expect(const HandshakeFailure& found, const Expected& expected) {
  EXPECT_EQ(found.kind, expected.kind) << found.reason;
  EXPECT_NE(found.reason.find(expected.words), std::string::npos) << found.reason;
}

using Prepare = std::function<void(SSL_CTX& client)>;

struct RealCase {
  std::string_view name;
  ServedOptions options;
  Prepare prepare;
  Expected expected;
};
inline void PrintTo(const RealCase& one, std::ostream* out) { *out << one.name; }

inline void expect_explained(const RealCase& one) {
  ServedHandshake served(one.options);
  if (one.prepare) one.prepare(*served.client());
  ASSERT_EQ(served.run(), Session::Status::failed);
  expect(explain(served, HandshakeEnd::failed), one.expected);
}

}  // namespace sluice::tls
