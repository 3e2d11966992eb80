// Carets under the right characters, colours, and nothing that steers a terminal.
#include "conf/diagnostic.h"

#include <gtest/gtest.h>

namespace sluice::conf {
namespace {

Diagnostic example() {
  return {.code = "unknown-key",
          .file = "sluice.toml",
          .line = 7,
          .column = 3,
          .width = 6,
          .message = "unknown key 'adress' in [[listener]]",
          .source = "  adress = \":8080\"",
          .notes = {"did you mean 'address'?"}};
}

TEST(Diagnostic, IsShownLikeACompilers) {
  EXPECT_EQ(render(example(), false),
            "sluice.toml:7:3: error: unknown key 'adress' in [[listener]]\n"
            "    7 |   adress = \":8080\"\n"
            "      |   ^~~~~~\n"
            "      = did you mean 'address'?\n");
}

TEST(Diagnostic, ColoursChangeNoLetter) {
  std::string coloured = render(example(), true);
  EXPECT_NE(coloured.find("\x1b[1;31merror:\x1b[0m"), std::string::npos);
  for (size_t at = coloured.find('\x1b'); at != coloured.npos; at = coloured.find('\x1b')) {
    coloured.erase(at, coloured.find('m', at) + 1 - at);
  }
  EXPECT_EQ(coloured, render(example(), false));
}

// The caret's line, after " | ".
std::string caret_line(Diagnostic diagnostic) {
  const std::string text = render(diagnostic, false);
  const size_t second = text.find('\n', text.find('\n') + 1) + 1;
  return text.substr(second, text.find('\n', second) - second);
}

TEST(Diagnostic, TheCaretStandsUnderItsCharacter) {
  Diagnostic diagnostic = example();
  diagnostic.width = 1;
  diagnostic.source = "\tx = 1";
  diagnostic.column = 2;
  EXPECT_EQ(caret_line(diagnostic), "      | \t^");
  diagnostic.source = "é = 日 x";
  diagnostic.column = 7;
  EXPECT_EQ(caret_line(diagnostic), "      |        ^");
  diagnostic.column = 5;
  EXPECT_EQ(caret_line(diagnostic), "      |     ^~");
  diagnostic.source = "e\u0301x";
  diagnostic.column = 3;
  EXPECT_EQ(caret_line(diagnostic), "      |  ^");
}

TEST(Diagnostic, TheCaretMayStandBehindTheLineAndEndsWithIt) {
  Diagnostic diagnostic = example();
  diagnostic.source = "abc";
  diagnostic.column = 4;
  EXPECT_EQ(caret_line(diagnostic), "      |    ^");
  diagnostic.column = 2;
  diagnostic.width = 100;
  EXPECT_EQ(caret_line(diagnostic), "      |  ^~");
}

TEST(Diagnostic, APieceOfALongLineKeepsItsColumns) {
  Diagnostic diagnostic = example();
  diagnostic.source = "piece of it";
  diagnostic.source_column = 1001;
  diagnostic.column = 1007;
  diagnostic.width = 2;
  EXPECT_EQ(caret_line(diagnostic), "      |       ^~");
}

TEST(Diagnostic, WhatSteersATerminalIsReplaced) {
  Diagnostic diagnostic = example();
  diagnostic.source = "a\x1b[2J\xc2\x9b\xff\x7f";
  const std::string text = render(diagnostic, false);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("a?[2J???"), std::string::npos);
}

TEST(Diagnostic, OnlyErrorsCountAsSuch) {
  Diagnostic warning = example();
  warning.severity = Diagnostic::Severity::warning;
  EXPECT_FALSE(has_errors({warning}));
  EXPECT_TRUE(has_errors({warning, example()}));
}

}  // namespace
}  // namespace sluice::conf
