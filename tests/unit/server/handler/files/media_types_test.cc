// The table of media types is complete enough, in order, and told apart by extension only.
#include "server/handler/files/media_types.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace sluice::handler {
namespace {

TEST(MediaTypes, AreSortedAndMany) {
  const auto types = all_media_types();
  EXPECT_GE(types.size(), 150u);
  std::set<std::string_view> seen;
  for (const MediaType& type : types) {
    EXPECT_TRUE(seen.empty() || *seen.rbegin() < type.extension) << type.extension;
    EXPECT_TRUE(seen.insert(type.extension).second) << type.extension;
  }
}

TEST(MediaTypes, FindEveryOneByItsExtension) {
  for (const MediaType& type : all_media_types()) {
    EXPECT_EQ(media_type_of("a/b.c/name." + std::string(type.extension)), type.value);
  }
}

TEST(MediaTypes, AreWellFormed) {
  for (const MediaType& type : all_media_types()) {
    const size_t slash = type.value.find('/');
    ASSERT_NE(slash, std::string_view::npos) << type.extension;
    EXPECT_EQ(type.value.find_first_of(" \t"), type.value.find(';') == std::string_view::npos
                                                   ? std::string_view::npos
                                                   : type.value.find(';') + 1)
        << type.value;
    for (const char octet : type.extension) EXPECT_FALSE(octet >= 'A' && octet <= 'Z');
  }
}

TEST(MediaTypes, NameTheCharsetOfText) {
  for (const MediaType& type : all_media_types()) {
    const bool text =
        type.value.starts_with("text/") || type.value.find("+xml") != std::string::npos;
    const bool named = type.value.ends_with("; charset=utf-8");
    EXPECT_TRUE(named || !type.value.starts_with("text/")) << type.value;
    EXPECT_TRUE(!named || text || type.value.find("xml") != std::string::npos) << type.value;
  }
  EXPECT_EQ(media_type_of("data.json"), "application/json");
}

TEST(MediaTypes, OfCommonNames) {
  EXPECT_EQ(media_type_of("index.html"), "text/html; charset=utf-8");
  EXPECT_EQ(media_type_of("INDEX.HTML"), "text/html; charset=utf-8");
  EXPECT_EQ(media_type_of("app.min.js"), "text/javascript; charset=utf-8");
  EXPECT_EQ(media_type_of("module.mjs"), "text/javascript; charset=utf-8");
  EXPECT_EQ(media_type_of("logo.svg"), "image/svg+xml; charset=utf-8");
  EXPECT_EQ(media_type_of("font.woff2"), "font/woff2");
  EXPECT_EQ(media_type_of("photo.JPeG"), "image/jpeg");
  EXPECT_EQ(media_type_of("archive.tar.gz"), "application/gzip");
  EXPECT_EQ(media_type_of("site.webmanifest"), "application/manifest+json");
  EXPECT_EQ(media_type_of("module.wasm"), "application/wasm");
}

TEST(MediaTypes, OfOtherNames) {
  for (const std::string_view name :
       {"", "README", "a.", ".html", "dir/.html", "dir.html/name", "x.unknown",
        "x.averyveryveryverylongextension", "x.ht\xC3\xA4", "x.\xFF"}) {
    EXPECT_EQ(media_type_of(name), "application/octet-stream") << name;
  }
}

}  // namespace
}  // namespace sluice::handler
