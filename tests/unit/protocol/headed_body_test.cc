// The room before a small body: lent to one response at a time, and what a chain makes of it.
#include "protocol/headed_body.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "protocol/chain.h"

namespace sluice {
namespace {

void append(Chain& chain, HeadedBody& body, Ref<Owner> pin) {
  chain.append_with_room(std::move(pin), body.data(), body.size(), HeadedBody::kRoom);
}

TEST(HeadedBody, LeavesWithItsHeadAsOneNode) {
  const Ref<HeadedBody> body(new HeadedBody("body"));
  Chain chain;
  chain.append(copy_of("head "));
  append(chain, *body, body->lend());
  EXPECT_EQ(chain.nodes(), 1u);
  EXPECT_EQ(chain.size(), 9u);
  EXPECT_EQ(chain.to_string(), "head body");
}

TEST(HeadedBody, IsLentToOneResponseAtATime) {
  const Ref<HeadedBody> body(new HeadedBody("body"));
  Chain first;
  first.append(copy_of("1 "));
  append(first, *body, body->lend());
  EXPECT_FALSE(body->lend()) << "the first still waits to be sent";
  first.drain(3);
  EXPECT_FALSE(body->lend());
  EXPECT_EQ(first.to_string(), "ody");
  first.drain(3);
  Chain second;
  second.append(copy_of("other "));
  append(second, *body, body->lend());
  EXPECT_EQ(second.to_string(), "other body");
}

TEST(HeadedBody, GoesAsTwoNodesBehindAHeadThatDoesNotFit) {
  const Ref<HeadedBody> body(new HeadedBody("body"));
  for (const size_t size : {HeadedBody::kRoom, HeadedBody::kRoom + 1}) {
    Chain chain;
    const std::string head(size, 'h');
    chain.append(copy_of(head));
    append(chain, *body, body->lend());
    EXPECT_EQ(chain.nodes(), size > HeadedBody::kRoom ? 2u : 1u);
    EXPECT_EQ(chain.to_string(), head + "body");
  }
}

TEST(HeadedBody, StandsAloneWhereNoMemoryLiesBefore) {
  const Ref<HeadedBody> body(new HeadedBody("body"));
  Chain chain;
  chain.append_file(copy_of("x").owner(), {0, 0, 7});
  append(chain, *body, body->lend());
  EXPECT_EQ(chain.nodes(), 2u);
  chain.drain(7);
  EXPECT_EQ(chain.to_string(), "body");
}

TEST(HeadedBody, OutlivesWhoeverMadeItWhileItWaits) {
  Ref<HeadedBody> body(new HeadedBody("body"));
  Chain chain;
  append(chain, *body, body->lend());
  body.reset();
  EXPECT_EQ(chain.to_string(), "body");  // ASan watches
}

}  // namespace
}  // namespace sluice
