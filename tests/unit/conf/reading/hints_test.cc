// What a site sends ahead, and which texts are links (RFC 8288 section 3).
#include "conf/reading/hints.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "conf/reader.h"
#include "tests/support/memory_files.h"

namespace sluice::conf {
namespace {

TEST(Hints, ALinkIsATargetWithARelation) {
  for (const char* link : {"</app.css>; rel=preload", "</app.css>;rel=preload;as=style",
                           "<https://fonts.example>; rel=\"preconnect dns-prefetch\"",
                           "</a.css> ; rel = preload ; crossorigin", "</a%20b.css>; REL=preload",
                           "</a,b;c.css?x=1#y>; rel=preload", "<app.css>; rel=preload",
                           "</a.css>; title=\"a \\\" ; b, c\"; rel=preload",
                           "</a.css>; title*=UTF-8''a; rel=preload"}) {
    EXPECT_EQ(link_problem(link), "") << link;
  }
}

TEST(Hints, WhatIsNoLinkIsSaidInWords) {
  for (const char* text : {"",
                           "/app.css",
                           "</app.css",
                           "<>; rel=preload",
                           "<a b>; rel=preload",
                           "<\xC3\xA9>; rel=x",
                           "</a>",
                           "</a>;",
                           "</a>; ;rel=preload",
                           "</a>rel=preload",
                           "</a>; rel",
                           "</a>; rel=",
                           "</a>; rel=\"preload",
                           "</a>; rel=a/b",
                           "</a>; rel=preload x",
                           "</a>; as=style",
                           "</a>; rel=preload, </b>; rel=preload",
                           " </a>; rel=preload",
                           "</a>; rel=preload\n",
                           "</a>; rel=\"a\\\""}) {
    EXPECT_NE(link_problem(text), "") << text;
  }
}

Configuration read(const std::string& more) {
  test::MemoryFiles files({{"/srv/sluice.toml", "[[site]]\nroot = \"public\"\n" + more}},
                          {"/srv/public"});
  const Reading reading = read_configuration(
      "/srv/sluice.toml", [](std::string_view) { return std::nullopt; }, files);
  for (const Diagnostic& one : reading.diagnostics) ADD_FAILURE() << render(one, false);
  return reading.configuration ? *reading.configuration : Configuration();
}

TEST(Hints, ASiteSendsNoneUnlessItSaysSo) {
  const Configuration one = read("");
  EXPECT_TRUE(one.sites.at(0).early_hints.empty());
  EXPECT_FALSE(one.sites[0].early_hints_to_all);
  EXPECT_FALSE(one.sites[0].push);
}

TEST(Hints, ASiteSaysWhichToWhomAndWhetherThatIsPushed) {
  const std::string links = R"(early_hints = ["</a.css>; rel=preload", "</b.js>; rel=preload"])";
  const Configuration plain = read(links);
  EXPECT_EQ(plain.sites.at(0).early_hints,
            (std::vector<std::string>{"</a.css>; rel=preload", "</b.js>; rel=preload"}));
  EXPECT_FALSE(plain.sites[0].early_hints_to_all);
  EXPECT_FALSE(read(links + "\nearly_hints_to = \"navigations\"").sites.at(0).early_hints_to_all);
  const Configuration all = read(links + "\nearly_hints_to = \"all\"\npush = true");
  EXPECT_TRUE(all.sites.at(0).early_hints_to_all);
  EXPECT_TRUE(all.sites[0].push);
}

TEST(Hints, OneLinkNeedsNoBrackets) {
  EXPECT_EQ(read("early_hints = \"</a.css>; rel=preload\"").sites.at(0).early_hints.size(), 1U);
}

TEST(Listener, SpeaksHttp2UnlessItIsTurnedOff) {
  EXPECT_TRUE(read("").listeners.at(0).http2);
  EXPECT_TRUE(read("[[listener]]\naddress = \":1\"").listeners.at(0).http2);
  EXPECT_FALSE(read("[[listener]]\naddress = \":1\"\nhttp2 = false").listeners.at(0).http2);
}

}  // namespace
}  // namespace sluice::conf
