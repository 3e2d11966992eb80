// The table of tags: whose they are, and how many.
#include "server/handler/files/content_tags.h"

#include <gtest/gtest.h>

#include <array>

namespace sluice::handler {
namespace {

FileIdentity file(uint64_t inode) { return {.device = 1, .inode = inode, .size = 10}; }

TEST(ContentTags, BelongToOneStateOfOneFile) {
  ContentTags tags(100);
  const FileIdentity identity{1, 2, 3, 4, 5, 6, 7};
  EXPECT_FALSE(tags.find(identity));
  tags.keep(identity, tag_of("x"));
  EXPECT_EQ(tags.find(identity), tag_of("x"));
  for (const FileIdentity& other :
       {FileIdentity{0, 2, 3, 4, 5, 6, 7}, FileIdentity{1, 0, 3, 4, 5, 6, 7},
        FileIdentity{1, 2, 0, 4, 5, 6, 7}, FileIdentity{1, 2, 3, 0, 5, 6, 7},
        FileIdentity{1, 2, 3, 4, 0, 6, 7}, FileIdentity{1, 2, 3, 4, 5, 0, 7},
        FileIdentity{1, 2, 3, 4, 5, 6, 0}}) {
    EXPECT_FALSE(tags.find(other));
  }
}

TEST(ContentTags, AreBounded) {
  ContentTags tags(10);
  for (uint64_t i = 0; i < 1'000; ++i) {
    tags.keep(file(i), tag_of("x"));
    EXPECT_TRUE(tags.find(file(i)));
    EXPECT_LE(tags.size(), 10u);
  }
  EXPECT_EQ(tags.size(), 10u);
  EXPECT_FALSE(tags.find(file(0)));
}

TEST(ContentTags, WhatIsAskedForStays) {
  ContentTags tags(10);
  tags.keep(file(0), tag_of("x"));
  for (uint64_t i = 1; i < 1'000; ++i) {
    ASSERT_TRUE(tags.find(file(0))) << i;
    tags.keep(file(i), tag_of("y"));
  }
}

TEST(ContentTags, OneIsEnough) {
  ContentTags tags(1);
  tags.keep(file(1), tag_of("x"));
  tags.keep(file(2), tag_of("y"));
  tags.keep(file(2), tag_of("z"));
  EXPECT_FALSE(tags.find(file(1)));
  EXPECT_EQ(tags.find(file(2)), tag_of("z"));
}

}  // namespace
}  // namespace sluice::handler
