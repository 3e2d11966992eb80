// Holds the repository to its house rules (CONTRIBUTING.md): which folder may include which, how
// long a function may be, which calls nobody makes. Every rule is a function in
// tests/tidy/checks.h, tested twice here: the repository must give no finding, and a small bad file
// must give one.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "tests/tidy/checks.h"

namespace sluice::tidy {
namespace {

namespace fs = std::filesystem;

// Folders that hold no source of ours: git's, editors', built and fetched things.
bool is_foreign_folder(const std::string& name) {
  return name.starts_with(".") || name == "build" || name == "node_modules" ||
         name == "__pycache__";
}

bool is_source(const fs::path& path) {
  static const std::vector<std::string> kSuffixes = {".cc", ".h", ".cpp", ".hpp", ".c", ".py"};
  return std::find(kSuffixes.begin(), kSuffixes.end(), path.extension()) != kSuffixes.end();
}

std::vector<SourceFile> read_sources(const fs::path& top) {
  std::vector<SourceFile> files;
  for (fs::recursive_directory_iterator it(top), end; it != end; ++it) {
    if (it->is_directory() && is_foreign_folder(it->path().filename()))
      it.disable_recursion_pending();
    if (!it->is_regular_file() || !is_source(it->path())) continue;
    std::ifstream in(it->path(), std::ios::binary);
    std::string text(std::istreambuf_iterator<char>(in), {});
    files.push_back({it->path().lexically_relative(top).generic_string(), std::move(text)});
  }
  return files;
}

const std::vector<SourceFile>& repository() {
  static const std::vector<SourceFile> kFiles = read_sources(SLUICE_SOURCE_DIR);
  return kFiles;
}

// One line per finding, so that a failed test can be clicked through.
std::string to_text(const Findings& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text += finding.path + ":" + std::to_string(finding.line) + ": " + finding.message + "\n";
  }
  return text;
}

using FileCheck = Findings (*)(const SourceFile&);

std::string over_repository(FileCheck check) {
  std::string text;
  for (const SourceFile& file : repository()) text += to_text(check(file));
  return text;
}

// The only finding of `check` in a file made up here, as text; empty when there is none.
std::string finding(FileCheck check, std::string path, std::string text) {
  return to_text(check({std::move(path), std::move(text)}));
}

std::string function_of(std::size_t lines) {
  std::string text = "void f() {\n";
  for (std::size_t i = 2; i < lines; ++i) text += "  g();\n";
  return text + "}\n";
}

TEST(TidyRepository, IsReadWhole) {
  auto has = [](std::string_view path) {
    return std::any_of(repository().begin(), repository().end(),
                       [&](const SourceFile& file) { return file.path == path; });
  };
  EXPECT_TRUE(has("tests/tidy_test.cc"));
  EXPECT_TRUE(has("server/main.cc"));
  EXPECT_TRUE(has("protocol/chain.h"));
}

TEST(TidyRepository, CodeLiesInItsFolders) { EXPECT_EQ(over_repository(check_place), ""); }
TEST(TidyRepository, IncludesFollowTheArrows) { EXPECT_EQ(over_repository(check_arrows), ""); }
TEST(TidyRepository, HidesItsLibraries) { EXPECT_EQ(over_repository(check_system_headers), ""); }
TEST(TidyRepository, FilesOpenWithTheirProblem) { EXPECT_EQ(over_repository(check_opening), ""); }
TEST(TidyRepository, FilesAreShort) { EXPECT_EQ(over_repository(check_file_size), ""); }
TEST(TidyRepository, FunctionsAreShort) { EXPECT_EQ(over_repository(check_function_sizes), ""); }
TEST(TidyRepository, MakesNoBannedCalls) { EXPECT_EQ(over_repository(check_words), ""); }
TEST(TidyRepository, LeavesNoWorkInComments) { EXPECT_EQ(over_repository(check_comments), ""); }
TEST(TidyRepository, HasNoCircularIncludes) { EXPECT_EQ(to_text(check_cycles(repository())), ""); }
TEST(TidyRepository, KeepsWrappersInside) { EXPECT_EQ(to_text(check_wrappers(repository())), ""); }
TEST(TidyRepository, MostFunctionsAreShort) {
  EXPECT_EQ(to_text(check_size_distribution(repository())), "");
}

TEST(TidyPlace, RefusesAFolderOfItsOwn) {
  EXPECT_NE(finding(check_place, "util/strings.h", ""), "");
  EXPECT_NE(finding(check_place, "main.cc", ""), "");
  EXPECT_EQ(finding(check_place, "server/net/loop.cc", ""), "");
}

TEST(TidyArrows, NamesFileAndLine) {
  EXPECT_EQ(finding(check_arrows, "protocol/a.h", "\n#include \"server/net/loop.h\"\n"),
            "protocol/a.h:2: no arrow leads from protocol/ to \"server/net/loop.h\"\n");
}

struct ArrowCase {
  std::string_view from;
  std::string_view to;
  bool allowed;
};

TEST(TidyArrows, HoldEachFolderToItsList) {
  const std::vector<ArrowCase> cases = {
      {"conf/a.h", "conf/b.h", true},
      {"conf/a.h", "protocol/chain.h", false},
      {"protocol/a.h", "conf/limits.h", false},
      {"protocol/chain.h", "protocol/slice.h", true},
      {"protocol/chain.h", "protocol/message.h", false},
      {"tls/a.h", "conf/limits.h", true},
      {"tls/a.h", "protocol/chain.h", false},
      {"cache/a.h", "protocol/fields.h", true},
      {"cache/a.h", "server/net/loop.h", false},
      {"server/net/a.h", "protocol/chain.h", true},
      {"server/net/a.h", "protocol/message.h", false},
      {"server/net/a.h", "tls/session.h", true},
      {"server/net/a.h", "tls/context.h", false},
      {"server/net/a.h", "server/http/exchange.h", false},
      {"server/http/a.h", "server/net/loop.h", true},
      {"server/http/a.h", "server/handler/files.h", false},
      {"server/http/a.h", "server/ops/log.h", false},
      {"server/handler/a.h", "server/http/exchange.h", true},
      {"server/handler/a.h", "server/ops/log.h", false},
      {"server/ops/a.h", "server/http/exchange.h", true},
      {"server/ops/a.h", "server/handler/files.h", false},
      {"server/ops/a.h", "bench/generator/run.h", false},
      {"server/server.cc", "server/handler/files.h", true},
      {"server/server.cc", "bench/generator/run.h", false},
      {"server/main.cc", "server/commands/serve.h", true},
      {"server/main.cc", "bench/generator/run.h", true},
      {"server/main.cc", "bench/micro/run.h", false},
      {"server/main.cc", "tests/support/folder.h", false},
      {"server/other/a.h", "server/other/b.h", false},
      {"server/net/a.h", "loop.h", false},
      {"server/net/a.h", "../http/exchange.h", false},
  };
  for (const ArrowCase& one : cases) {
    std::string include = "#include \"" + std::string(one.to) + "\"\n";
    EXPECT_EQ(finding(check_arrows, std::string(one.from), include).empty(), one.allowed)
        << one.from << " -> " << one.to;
  }
}

TEST(TidyHeaders, KeepSocketsOutOfProtocol) {
  EXPECT_NE(finding(check_system_headers, "protocol/a.cc", "#include <sys/socket.h>\n"), "");
  EXPECT_EQ(finding(check_system_headers, "server/net/a.cc", "#include <sys/socket.h>\n"), "");
}

TEST(TidyHeaders, KeepLibrariesBehindTheirWrapper) {
  EXPECT_NE(finding(check_system_headers, "protocol/a.h", "#include <llhttp.h>\n"), "");
  EXPECT_NE(finding(check_system_headers, "server/http/a.cc", "#include \"llhttp.h\"\n"), "");
  EXPECT_EQ(finding(check_system_headers, "protocol/a.cc", "#include <llhttp.h>\n"), "");
  EXPECT_NE(finding(check_system_headers, "protocol/a.h", "struct A { llhttp_t* parser; };\n"), "");
  EXPECT_NE(finding(check_system_headers, "tls/a.h", "SSL_CTX* make();\n"), "");
}

TEST(TidyOpening, WantsACommentAndAGuard) {
  EXPECT_NE(finding(check_opening, "conf/a.cc", "#include <map>\n"), "");
  EXPECT_NE(finding(check_opening, "conf/a.h", "// Why.\nint f();\n"), "");
  EXPECT_NE(finding(check_opening, "tests/e2e/a.py", "import os\n"), "");
  EXPECT_EQ(finding(check_opening, "conf/a.h", "// Why.\n#pragma once\n"), "");
}

TEST(TidySizes, HoldFiles) {
  auto file_of = [](std::size_t lines) { return "// Why.\n" + std::string(lines - 1, '\n'); };
  EXPECT_EQ(finding(check_file_size, "conf/a.cc", file_of(500)), "");
  EXPECT_NE(finding(check_file_size, "conf/a.cc", file_of(501)), "");
  EXPECT_EQ(finding(check_file_size, "conf/a.cc", "// long: one table\n" + file_of(501)), "");
  EXPECT_NE(finding(check_file_size, "conf/a.cc", "// long: one table\n" + file_of(801)), "");
}

TEST(TidySizes, HoldFunctions) {
  EXPECT_EQ(finding(check_function_sizes, "conf/a.cc", function_of(80)), "");
  EXPECT_NE(finding(check_function_sizes, "conf/a.cc", function_of(81)), "");
  EXPECT_EQ(finding(check_function_sizes, "conf/a.cc", "// long: a table\n" + function_of(81)), "");
  EXPECT_NE(finding(check_function_sizes, "conf/a.cc", "// long: far\n\n" + function_of(81)), "");
  EXPECT_NE(finding(check_function_sizes, "conf/a.cc", "void f() {\n"), "");
}

TEST(TidySizes, HoldTheDistribution) {
  std::vector<SourceFile> files = {{"conf/a.cc", function_of(12)}};
  EXPECT_EQ(to_text(check_size_distribution(files)), "");
  files.push_back({"conf/b.cc", function_of(13)});
  EXPECT_NE(to_text(check_size_distribution(files)), "");
  files.assign(9, {"conf/a.cc", function_of(3)});
  files.push_back({"conf/b.cc", function_of(40)});
  EXPECT_NE(to_text(check_size_distribution(files)), "");
  files.back() = {"conf/b.cc", function_of(39)};
  EXPECT_EQ(to_text(check_size_distribution(files)), "");
}

TEST(TidyWords, RefuseBannedCalls) {
  for (std::string_view call :
       {"strcpy", "sprintf", "strcat", "gets", "atoi", "rand", "system", "std::stoi", "::system",
        "std::rand", "llhttp_set_lenient_headers"}) {
    std::string text = "void f() { " + std::string(call) + "(x); }\n";
    EXPECT_NE(finding(check_words, "tests/a.cc", text), "") << call;
  }
}

TEST(TidyWords, LetOthersOfThatNamePass) {
  for (std::string_view code : {"x.system(1);", "x->rand(1);", "my::gets(1);", "snprintf(1);",
                                "// strcpy(a, b)", "f(\"strcpy(a, b)\");", "int rand = 1;"}) {
    std::string text = "void f() { " + std::string(code) + "\n}\n";
    EXPECT_EQ(finding(check_words, "conf/a.cc", text), "") << code;
  }
}

TEST(TidyWords, KeepErrorsValues) {
  const std::string text = "void f() { throw 1; }\n";
  EXPECT_NE(finding(check_words, "server/net/a.cc", text), "");
  EXPECT_EQ(finding(check_words, "server/main.cc", text), "");
  EXPECT_EQ(finding(check_words, "conf/a.cc", text), "");
}

TEST(TidyWords, KeepTheDataPathPlain) {
  EXPECT_NE(finding(check_words, "server/net/loop.h", "std::function<void()> f;\n"), "");
  EXPECT_EQ(finding(check_words, "server/ops/a.h", "std::function<void()> f;\n"), "");
  EXPECT_NE(finding(check_words, "protocol/a.cc", "void f() { co_await g(); }\n"), "");
  EXPECT_NE(finding(check_words, "cache/a.cc", "void f() { mmap(0); }\n"), "");
}

TEST(TidyComments, LeaveNoWorkForLater) {
  EXPECT_NE(finding(check_comments, "conf/a.cc", "int a;  // TODO: more\n"), "");
  EXPECT_NE(finding(check_comments, "conf/a.cc", "/* see\n FIXME */\n"), "");
  EXPECT_EQ(finding(check_comments, "conf/a.cc", "// TODO(#12): more\n"), "");
  EXPECT_EQ(finding(check_comments, "conf/a.cc", "auto a = \"TODO\";\n"), "");
}

TEST(TidyCycles, FindsACircle) {
  std::vector<SourceFile> files = {{"conf/a.h", "#include \"conf/b.h\"\n"},
                                   {"conf/b.h", "\n#include \"conf/c.h\"\n"},
                                   {"conf/c.h", "#include \"conf/a.h\"\n"}};
  EXPECT_EQ(to_text(check_cycles(files)),
            "conf/c.h:1: circular include: conf/a.h -> conf/b.h -> conf/c.h -> conf/a.h\n");
  files.back().text.clear();
  EXPECT_EQ(to_text(check_cycles(files)), "");
}

TEST(TidyWrappers, KeepsTheirHeadersInTheirFolder) {
  std::vector<SourceFile> files = {
      {"tls/openssl.h", "#include <openssl/ssl.h>\n"},
      {"tls/policy.h", "#include \"tls/openssl.h\"\nvoid f(SSL_CTX& context);\n"},
      {"tls/session.cc", "#include \"tls/policy.h\"\n"}};
  EXPECT_EQ(to_text(check_wrappers(files)), "");
  for (const SourceFile& file : files) EXPECT_EQ(to_text(check_system_headers(file)), "");
  files.push_back({"server/net/a.cc", "#include \"tls/policy.h\"\n"});
  files.push_back({"tls/session.h", "\n#include \"tls/policy.h\"\n"});
  EXPECT_EQ(to_text(check_wrappers(files)),
            "server/net/a.cc:1: \"tls/policy.h\" stays inside tls/\n"
            "tls/session.h:2: \"tls/policy.h\" stays inside tls/\n");
}

TEST(TidyText, SeparatesCodeCommentsAndLiterals) {
  Layers layers =
      split_layers("a; // b\n\"c // d\"; 'e'; 1'000; /* f\n */ g; R\"(h\")\"; i;\n#define j {\n");
  EXPECT_EQ(std::string_view(layers.code).substr(0, 2), "a;");
  for (char c : std::string("bcdefhj{")) EXPECT_EQ(layers.code.find(c), std::string::npos) << c;
  for (char c : std::string("agi")) EXPECT_NE(layers.code.find(c), std::string::npos) << c;
  for (char c : std::string("bf")) EXPECT_NE(layers.comments.find(c), std::string::npos) << c;
  EXPECT_EQ(std::count(layers.code.begin(), layers.code.end(), '\n'), 4);
}

TEST(TidyText, FindsFunctionsWhereverTheyStand) {
  const std::string text =
      "namespace a {\n"
      "enum class E : int { x, y };\n"
      "constexpr int k[] = {1, 2};\n"
      "struct S {\n"
      "  int n{1};\n"
      "  S() : n{2}, m(3) { g(); }\n"
      "  bool operator==(const S&) const { return true; }\n"
      "};\n"
      "template <class T = int>\n"
      "T f(T a = {}) {\n"
      "  auto l = [] { return 1; };\n"
      "  return a;\n"
      "}\n"
      "}\n";
  FunctionScan scan = find_functions(split_layers(text).code);
  ASSERT_TRUE(scan.balanced);
  ASSERT_EQ(scan.functions.size(), 3u);
  EXPECT_EQ(scan.functions[0].first_line, 6u);
  EXPECT_EQ(scan.functions[1].first_line, 7u);
  EXPECT_EQ(scan.functions[2].first_line, 9u);
  EXPECT_EQ(scan.functions[2].lines(), 5u);
}

}  // namespace
}  // namespace sluice::tidy
