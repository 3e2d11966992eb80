// Splitting C++ into layers, words, includes and functions: see source_text.h for what is promised.
#include "tests/tidy/source_text.h"

#include <algorithm>
#include <cctype>
#include <regex>

namespace sluice::tidy {
namespace {

bool is_word_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

// Walks the text once and copies each byte into the layer it belongs to.
class LayerSplitter {
 public:
  explicit LayerSplitter(std::string_view text) : text_(text) {
    for (std::string* layer : {&layers_.code, &layers_.comments}) {
      layer->assign(text.size(), ' ');
      for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n') (*layer)[i] = '\n';
      }
    }
  }

  Layers split() {
    while (at_ < text_.size()) {
      if (starts("//")) {
        copy_until(text_.find('\n', at_), layers_.comments);
      } else if (starts("/*")) {
        copy_until(end_after("*/", at_ + 2), layers_.comments);
      } else if (starts("R\"") && (at_ == 0 || !is_word_char(text_[at_ - 1]))) {
        skip_raw_string();
      } else if (text_[at_] == '"' || (text_[at_] == '\'' && !is_digit_separator())) {
        skip_literal(text_[at_]);
      } else if (text_[at_] == '#' && first_on_line()) {
        skip_preprocessor_line();
      } else {
        layers_.code[at_] = text_[at_];
        ++at_;
      }
    }
    return std::move(layers_);
  }

 private:
  bool starts(std::string_view what) const { return text_.substr(at_, what.size()) == what; }

  std::size_t end_after(std::string_view what, std::size_t from) const {
    std::size_t found = text_.find(what, from);
    return found == std::string_view::npos ? text_.size() : found + what.size();
  }

  void copy_until(std::size_t end, std::string& layer) {
    for (end = std::min(end, text_.size()); at_ < end; ++at_) layer[at_] = text_[at_];
  }

  // 1'000: the quote stands inside a number, not at a character literal's start.
  bool is_digit_separator() const {
    return at_ > 0 && std::isxdigit(static_cast<unsigned char>(text_[at_ - 1])) != 0;
  }

  bool first_on_line() const {
    std::size_t i = at_;
    while (i > 0 && (text_[i - 1] == ' ' || text_[i - 1] == '\t')) --i;
    return i == 0 || text_[i - 1] == '\n';
  }

  void skip_raw_string() {
    std::size_t open = text_.find('(', at_);
    if (open == std::string_view::npos) open = text_.size() - 1;
    std::string close = ")" + std::string(text_.substr(at_ + 2, open - at_ - 2)) + "\"";
    at_ = end_after(close, open);
  }

  void skip_literal(char quote) {
    for (++at_; at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    ++at_;
  }

  // A directive ends with its line, or where a comment begins; a backslash carries it on.
  void skip_preprocessor_line() {
    while (at_ < text_.size() && text_[at_] != '\n' && !starts("//") && !starts("/*")) {
      at_ += text_[at_] == '\\' ? 2 : 1;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Layers layers_;
};

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// The offset after the bracket that closes the one at `open`; npos when there is none.
std::size_t after_matching(std::string_view code, std::size_t open, char left, char right) {
  int depth = 0;
  for (std::size_t i = open; i < code.size(); ++i) {
    if (code[i] == left) ++depth;
    if (code[i] == right && --depth == 0) return i + 1;
  }
  return std::string_view::npos;
}

// What a brace opens, told from the declaration before it.
enum class BraceKind { scope, function, initializer };

// A declaration without what could be mistaken for a part of it: template parameters, attributes,
// alignment, access labels, the symbols of an operator's name.
std::string plain_declaration(std::string_view head) {
  static const std::regex kNoise(
      R"(\[\[[^\]]*\]\]|alignas\s*\([^)]*\)|__attribute__\s*\(\(.*?\)\)|\b(public|private|protected)\s*:(?!:))");
  static const std::regex kOperator(R"(operator\s*(\(\)|[^\s\w(]+))");
  std::string plain = std::regex_replace(std::string(trim(head)), kNoise, " ");
  plain = std::regex_replace(plain, kOperator, "operator_");
  plain = trim(plain);
  while (plain.rfind("template", 0) == 0) {
    std::size_t open = plain.find('<');
    std::size_t end =
        open == std::string::npos ? std::string::npos : after_matching(plain, open, '<', '>');
    if (end == std::string::npos) break;
    plain = trim(std::string_view(plain).substr(end));
  }
  return plain;
}

// The offset of the first `wanted` outside all parentheses, at or after `from`; `::` is no colon.
std::size_t find_outside_parentheses(std::string_view text, char wanted, std::size_t from) {
  int depth = 0;
  for (std::size_t i = from; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')') --depth;
    if (text.substr(i, 2) == "::") {
      ++i;
    } else if (depth == 0 && text[i] == wanted) {
      return i;
    }
  }
  return std::string_view::npos;
}

BraceKind classify(std::string_view head) {
  static const std::regex kScope(R"(^(inline\s+)?namespace\b|^extern\s*$)");
  static const std::regex kType(R"(^(typedef\s+)?(class|struct|union)\b)");
  std::string plain = plain_declaration(head);
  if (std::regex_search(plain, kScope)) return BraceKind::scope;
  std::size_t parameters = plain.find('(');
  if (parameters == std::string::npos && std::regex_search(plain, kType)) return BraceKind::scope;
  std::size_t assigned = find_outside_parentheses(plain, '=', 0);
  if (assigned != std::string::npos) {
    bool is_lambda = plain.find('[', assigned) != std::string::npos;
    return is_lambda ? BraceKind::function : BraceKind::initializer;
  }
  if (parameters == std::string::npos) return BraceKind::initializer;
  // A constructor's list: a brace right after a member's name initialises it, the next one is the
  // body.
  bool in_member_list = find_outside_parentheses(plain, ':', parameters) != std::string::npos;
  bool after_name = is_word_char(plain.back()) || plain.back() == '>';
  return in_member_list && after_name ? BraceKind::initializer : BraceKind::function;
}

// Follows scopes and declarations through the code layer; functions are skipped whole.
class FunctionFinder {
 public:
  explicit FunctionFinder(std::string_view code) : code_(code) {}

  FunctionScan find() {
    while (at_ < code_.size() && scan_.balanced) step(code_[at_]);
    if (open_scopes_ != 0) scan_.balanced = false;
    return std::move(scan_);
  }

 private:
  void step(char c) {
    if (c == '{') return open_brace();
    if (c == '(') return jump(after_matching(code_, at_, '(', ')'));
    if (c == '}') {
      if (--open_scopes_ < 0) scan_.balanced = false;
    }
    ++at_;
    if (c == '}' || c == ';') head_ = at_;
  }

  void open_brace() {
    std::string_view head = code_.substr(head_, at_ - head_);
    switch (classify(head)) {
      case BraceKind::scope:
        ++open_scopes_;
        head_ = ++at_;
        break;
      case BraceKind::initializer:
        jump(after_matching(code_, at_, '{', '}'));
        break;
      case BraceKind::function:
        record(head);
        break;
    }
  }

  void record(std::string_view head) {
    std::size_t lead = 0;
    while (lead < head.size() && is_space(head[lead])) ++lead;
    std::size_t first = line_at(code_, head_ + lead);
    jump(after_matching(code_, at_, '{', '}'));
    if (!scan_.balanced) return;
    std::string name = std::regex_replace(std::string(trim(head)), std::regex(R"(\s+)"), " ");
    scan_.functions.push_back({name.substr(0, 60), first, line_at(code_, at_ - 1)});
    head_ = at_;
  }

  void jump(std::size_t to) {
    scan_.balanced = to != std::string_view::npos;
    at_ = scan_.balanced ? to : code_.size();
  }

  std::string_view code_;
  std::size_t at_ = 0;
  std::size_t head_ = 0;  // where the declaration being read began
  int open_scopes_ = 0;
  FunctionScan scan_;
};

// Where the word at `begin` says it comes from: see Word::scope and Word::is_member.
void read_qualifier(std::string_view code, std::size_t begin, Word& word) {
  std::size_t i = begin;
  while (i > 0 && is_space(code[i - 1])) --i;
  std::string_view before = code.substr(0, i);
  word.is_member = before.ends_with('.') || before.ends_with("->");
  if (!before.ends_with("::")) return;
  before.remove_suffix(2);
  std::size_t start = before.size();
  while (start > 0 && is_word_char(before[start - 1])) --start;
  word.scope = start == before.size() ? ":" : std::string(before.substr(start));
}

}  // namespace

Layers split_layers(std::string_view text) { return LayerSplitter(text).split(); }

FunctionScan find_functions(std::string_view code) { return FunctionFinder(code).find(); }

std::vector<Include> find_includes(std::string_view text) {
  static const std::regex kInclude(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
  std::vector<Include> found;
  std::vector<std::string_view> lines = split_lines(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].find("include") == std::string_view::npos) continue;
    std::cmatch match;
    if (std::regex_search(lines[i].data(), lines[i].data() + lines[i].size(), match, kInclude)) {
      found.push_back({i + 1, match[2].str(), match[1].str() == "\""});
    }
  }
  return found;
}

std::vector<Word> find_words(std::string_view code) {
  std::vector<Word> words;
  std::size_t line = 1;
  for (std::size_t i = 0; i < code.size();) {
    if (!is_word_char(code[i])) {
      if (code[i] == '\n') ++line;
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < code.size() && is_word_char(code[end])) ++end;
    Word word{std::string(code.substr(i, end - i)), line, "", false, false};
    read_qualifier(code, i, word);
    std::size_t next = end;
    while (next < code.size() && is_space(code[next])) ++next;
    word.is_call = next < code.size() && code[next] == '(';
    words.push_back(std::move(word));
    i = end;
  }
  return words;
}

std::size_t line_at(std::string_view text, std::size_t offset) {
  auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size()));
  return 1 + static_cast<std::size_t>(std::count(text.begin(), end, '\n'));
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace sluice::tidy
