// A dictionary is read whole, since one that breaks off says nothing at all (RFC 8941 section 4.2).
#include "protocol/h2/priority_field.h"

#include <algorithm>

#include "protocol/grammar.h"

namespace sluice::h2 {

namespace {

bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
bool is_letter(char c) noexcept { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool begins_key(char c) noexcept { return is_lower(c) || c == '*'; }
bool continues_key(char c) noexcept {
  return begins_key(c) || is_digit(c) || c == '_' || c == '-' || c == '.';
}
bool continues_token(char c) noexcept { return is_token_octet(c) || c == ':' || c == '/'; }
bool in_octets(char c) noexcept {
  return is_letter(c) || is_digit(c) || c == '+' || c == '/' || c == '=';
}

// An item's value, as far as it matters here.
struct Item {
  enum class Type : uint8_t { integer, boolean, other } type = Type::other;
  int number = 0;
};

// Each function takes what it names from the text's front; false when something else is there.
class Reader {
 public:
  explicit Reader(std::string_view text) noexcept : text_(text) {}

  bool done() const noexcept { return text_.empty(); }
  void skip(std::string_view any_of) noexcept {
    text_.remove_prefix(std::min(text_.find_first_not_of(any_of), text_.size()));
  }
  bool take(char c) noexcept {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool key(std::string_view& out) noexcept {
    if (text_.empty() || !begins_key(text_.front())) return false;
    out = while_true(continues_key);
    return true;
  }
  // A member's value behind its key, with parameters (RFC 8941 section 4.2.2).
  bool member(Item& item) noexcept {
    item = {.type = Item::Type::boolean, .number = 1};
    if (take('=') && !(take('(') ? inner_list(item) : bare_item(item))) return false;
    return parameters();
  }

 private:
  template <typename Which>
  std::string_view while_true(Which which) noexcept {
    size_t size = 0;
    while (size < text_.size() && which(text_[size])) ++size;
    const std::string_view taken = text_.substr(0, size);
    text_.remove_prefix(size);
    return taken;
  }
  bool parameters() noexcept {
    Item ignored;
    std::string_view name;
    while (take(';')) {
      skip(" ");
      if (!key(name) || (take('=') && !bare_item(ignored))) return false;
    }
    return true;
  }
  bool inner_list(Item& item) noexcept {
    Item ignored;
    item = {};
    for (bool first = true;; first = false) {
      const size_t before = text_.size();
      skip(" ");
      if (take(')')) return true;
      const bool apart = first || text_.size() < before;
      if (!apart || !bare_item(ignored) || !parameters()) return false;
    }
  }
  bool bare_item(Item& item) noexcept {
    item = {};
    if (take('?')) {
      item = {.type = Item::Type::boolean, .number = take('1') ? 1 : 0};
      return item.number == 1 || take('0');
    }
    if (take('"')) return string();
    if (take(':')) return (void)while_true(in_octets), take(':');
    if (text_.empty()) return false;
    if (is_letter(text_.front()) || text_.front() == '*')
      return !while_true(continues_token).empty();
    return number(item);
  }
  bool string() noexcept {
    while (!text_.empty()) {
      const char c = text_.front();
      text_.remove_prefix(1);
      if (c == '"') return true;
      if (c < ' ' || c > '~') return false;
      if (c == '\\' && !take('"') && !take('\\')) return false;
    }
    return false;
  }
  bool number(Item& item) noexcept {
    const bool negative = take('-');
    const std::string_view digits = while_true(is_digit);
    if (digits.empty() || digits.size() > 15) return false;
    if (take('.')) {
      const size_t places = while_true(is_digit).size();
      return digits.size() <= 12 && places >= 1 && places <= 3;
    }
    const bool small = digits.size() == 1 && (!negative || digits == "0");
    item = {.type = Item::Type::integer, .number = small ? digits[0] - '0' : -1};
    return true;
  }

  std::string_view text_;
};

}  // namespace

std::optional<Priority> parse_priority(std::string_view value) noexcept {
  Reader reader(value);
  Priority priority;
  reader.skip(" ");
  while (!reader.done()) {
    std::string_view key;
    Item item;
    if (!reader.key(key) || !reader.member(item)) return std::nullopt;
    // The last of a key counts, though it be of no use (RFC 8941 section 4.2.2).
    if (key == "u") {
      const bool known = item.type == Item::Type::integer && item.number >= 0 && item.number <= 7;
      priority.urgency = known ? static_cast<uint8_t>(item.number) : Priority().urgency;
    } else if (key == "i") {
      priority.incremental = item.type == Item::Type::boolean && item.number == 1;
    }
    reader.skip(" \t");
    if (reader.done()) break;
    if (!reader.take(',')) return std::nullopt;
    reader.skip(" \t");
    if (reader.done()) return std::nullopt;
  }
  return priority;
}

}  // namespace sluice::h2
