// What tidy_test must know about a C++ file to judge its shape: which bytes are code and which are
// comment, what it includes, which words it uses, and where its functions begin and end.
//
// This is no parser. It reads the subset of C++ that this project writes (clang-formatted, balanced
// braces, no macros that open a scope) and says so when it cannot: a file whose braces do not
// balance is itself a finding. Invariants:
//   1. Layers are byte for byte as long as the text, line breaks kept, so that an offset in any of
//      them is an offset in the file.
//   2. Literals (strings, characters, raw strings) are in no layer: what a test *says* is not what
//      it does.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::tidy {

// One file of the repository. `path` is relative to its top, with forward slashes.
struct SourceFile {
  std::string path;
  std::string text;
};

// The text twice, each time with everything else turned into spaces.
struct Layers {
  std::string code;      // without comments, literals and preprocessor lines
  std::string comments;  // only what stands in comments
};

[[nodiscard]] Layers split_layers(std::string_view text);

// One #include line. `target` is what stands between the quotes or angle brackets.
struct Include {
  std::size_t line;
  std::string target;
  bool quoted;
};

[[nodiscard]] std::vector<Include> find_includes(std::string_view text);

// One identifier or keyword in code, with what decides whether it is a call and of what.
struct Word {
  std::string text;
  std::size_t line;
  std::string scope;  // the qualifier before `::`, ":" when that is the global scope, else empty
  bool is_member;     // stands after `.` or `->`
  bool is_call;       // the next character that is no space is an opening parenthesis
};

[[nodiscard]] std::vector<Word> find_words(std::string_view code);

// One function definition, from the first line of its declaration to its closing brace. Lambdas and
// local classes belong to the function around them.
struct Function {
  std::string name;  // the declaration's beginning, shortened, for messages
  std::size_t first_line;
  std::size_t last_line;
  [[nodiscard]] std::size_t lines() const { return last_line - first_line + 1; }
};

struct FunctionScan {
  std::vector<Function> functions;
  bool balanced = true;  // false: braces do not match, `functions` is incomplete
};

[[nodiscard]] FunctionScan find_functions(std::string_view code);

// The 1-based line that holds `offset`.
[[nodiscard]] std::size_t line_at(std::string_view text, std::size_t offset);

// The text cut at its line breaks, which are left out.
[[nodiscard]] std::vector<std::string_view> split_lines(std::string_view text);

}  // namespace sluice::tidy
