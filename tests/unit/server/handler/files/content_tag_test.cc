// Tags of content: what they look like, and that pieces make no difference.
#include "server/handler/files/content_tag.h"

#include <gtest/gtest.h>

#include <string>

#include "cache/entity_tag.h"
#include "tests/unit/server/handler/files/files_fixture.h"

namespace sluice::handler {
namespace {

// From the algorithm's description (xxHash's own test vectors): a tag must stay what it is from one
// release to the next, or every cache in the world asks for every file again.
TEST(ContentTag, IsTheCanonicalHash) {
  EXPECT_EQ(tag_of("").view(), "\"99aa06d3014798d86001c324468d497f\"");
  EXPECT_EQ(tag_of("hello").view(), "\"b5e9c1ad071b3e7fc779cfaa5e523818\"");
}

TEST(ContentTag, IsAStrongTag) {
  const ContentTag tag = tag_of("x");
  const auto parsed = cache::parse_entity_tag(tag.view());
  ASSERT_TRUE(parsed.has_value());
  EXPECT_FALSE(parsed->weak);
}

TEST(ContentTag, TellsContentsApart) {
  EXPECT_NE(tag_of("a"), tag_of("b"));
  EXPECT_NE(tag_of("a"), tag_of(std::string_view("a\0", 2)));
}

TEST(ContentHasher, PiecesMakeNoDifference) {
  const std::string text = text_of_size(5'000);
  for (const size_t size :
       {0U, 1U, 16U, 17U, 128U, 129U, 240U, 241U, 1'023U, 1'024U, 1'025U, 5'000U}) {
    const std::string_view part = std::string_view(text).substr(0, size);
    for (const size_t split : {size_t{0}, size / 3, size / 2, size}) {
      ContentHasher hasher;
      hasher.add(part.substr(0, split));
      hasher.add(part.substr(split));
      EXPECT_EQ(hasher.tag(), tag_of(part)) << size << " split at " << split;
    }
  }
}

}  // namespace
}  // namespace sluice::handler
