// Which targets of Link fields are ours to push (RFC 8288 section 3).
#include "server/http/preload.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {
namespace {

using Strings = std::vector<std::string>;

Strings targets(std::string_view value) {
  Strings all;
  while (true) {
    const std::string_view target = next_preload(value);
    if (target.empty()) return all;
    all.emplace_back(target);
  }
}

TEST(Preload, FindsAbsolutePaths) {
  EXPECT_EQ(targets("</app.css>; rel=preload; as=style"), Strings{"/app.css"});
  EXPECT_EQ(targets("</a.css?v=1;x,y>;rel=\"preload\""), Strings{"/a.css?v=1;x,y"});
  EXPECT_EQ(targets("  </a.css>\t;\tREL = Preload ; crossorigin"), Strings{"/a.css"});
  EXPECT_EQ(targets("</a.css>; rel=\"stylesheet preload\""), Strings{"/a.css"});
  EXPECT_EQ(targets("</icons.svg#house>; rel=preload"), Strings{"/icons.svg"});
}

TEST(Preload, FindsThemAmongOthers) {
  EXPECT_EQ(targets("</a>; rel=preload, </b>; rel=next,, </c>; title=\"x, </d>; rel=preload\"; "
                    "rel=preload,"),
            (Strings{"/a", "/c"}));
  EXPECT_EQ(targets("<https://b.example/x>; rel=preload, </a>; rel=preload"), Strings{"/a"});
}

TEST(Preload, LeavesWhatIsNotOfThisOrigin) {
  for (const char* target : {"https://b.example/a", "//b.example/a", "/\\b.example/a", "a.css",
                             "?x", "#x", "", "data:text/css,", "/a b", "/\xC3\xA9"}) {
    EXPECT_EQ(targets("<" + std::string(target) + ">; rel=preload"), Strings()) << target;
  }
}

TEST(Preload, LeavesWhatIsNotToBePushed) {
  for (const char* parameters :
       {"rel=preload; nopush", "NoPush; rel=preload", "rel=preload; nopush=1", "rel=stylesheet",
        "rel=modulepreload", "rel=preloads", "as=style", "rel", "rel=", "rel=next; rel=preload",
        "rel=preload; anchor=\"/other\""}) {
    EXPECT_EQ(targets("</a.css>; " + std::string(parameters)), Strings()) << parameters;
  }
}

TEST(Preload, AMalformedValueEndsWhereItIs) {
  for (const char* value :
       {"", ",", "/a.css; rel=preload", "</a.css; rel=preload", "</a>; rel=\"preload",
        "</a>; rel=\"preload\\\"", "</a> x; rel=preload", "</a>; rel=\"preload\"x", "<"}) {
    EXPECT_EQ(targets(value), Strings()) << value;
  }
  EXPECT_EQ(targets("</a>; rel=preload, oops, </b>; rel=preload"), Strings{"/a"});
}

TEST(Preload, EveryBeginningOfAValueIsRead) {
  const std::string whole = "</a>; rel=\"x preload\"; t=\"\\\"\", </b>;rel=preload;nopush, </c>";
  for (size_t size = 0; size <= whole.size(); ++size) {
    const Strings found = targets(std::string(whole, 0, size));
    // The second one is pushed as long as its last word is not there yet.
    EXPECT_TRUE(found == Strings() || found == Strings{"/a"} || found == (Strings{"/a", "/b"}));
  }
  EXPECT_EQ(targets(whole), Strings{"/a"});
}

}  // namespace
}  // namespace sluice::http
