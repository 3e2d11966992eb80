// Reading hints, each link octet by octet: one that no client understands would be sent with every
// page, and nobody would see why nothing is loaded early.
#include "conf/reading/hints.h"

#include <algorithm>
#include <cstddef>

#include "conf/reading/parts.h"
#include "conf/reading/value.h"

namespace sluice::conf {

namespace {

// The octets that RFC 3986 section 2 has, '%' included.
bool is_of_url(char c) {
  return c > ' ' && c < 0x7F && std::string_view("<>\"\\^`{|}").find(c) == std::string_view::npos;
}

std::string target_problem(std::string_view target) {
  if (target.empty()) return "between '<' and '>' stands nothing";
  const auto odd = std::find_if_not(target.begin(), target.end(), is_of_url);
  if (odd == target.end()) return {};
  if (static_cast<unsigned char>(*odd) >= 0x80) {
    return "a URL has letters beyond ASCII only as '%' and two digits for each octet";
  }
  return std::string("'") + *odd + "' cannot stand in a URL";
}

// The parameters of a link: *( OWS ";" OWS link-param ).
class Parameters {
 public:
  explicit Parameters(std::string_view rest) : rest_(rest) {}

  std::string problem() {
    bool relation = false;
    for (skip_spaces(); !rest_.empty(); skip_spaces()) {
      if (rest_.front() == ',')
        return "one string is one link: the next one is a string of its own";
      if (rest_.front() != ';') return "after the target, and between parameters, stands ';'";
      rest_.remove_prefix(1);
      skip_spaces();
      const std::string_view name = take_token();
      if (name.empty()) return "after ';' stands a parameter, for example rel=preload";
      bool has_value = false;
      if (std::string found = value_problem(name, has_value); !found.empty()) return found;
      relation = relation || (lower(name) == "rel" && has_value);
    }
    return relation ? "" : "it does not say what for: add a relation, for example ; rel=preload";
  }

 private:
  void skip_spaces() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
  }

  std::string_view take_token() {
    size_t size = 0;
    while (size < rest_.size() && is_token(rest_.substr(size, 1))) ++size;
    const std::string_view token = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return token;
  }

  // [ BWS "=" BWS ( token / quoted-string ) ]
  std::string value_problem(std::string_view name, bool& has_value) {
    skip_spaces();
    if (!rest_.starts_with('=')) return {};
    rest_.remove_prefix(1);
    skip_spaces();
    has_value = true;
    const std::string quotes = "the value of '" + std::string(name) + "' ";
    if (rest_.starts_with('"')) return take_quoted() ? "" : quotes + "lacks its second quote";
    const bool bare = !take_token().empty();
    skip_spaces();
    if (bare && (rest_.empty() || rest_.front() == ';' || rest_.front() == ',')) return {};
    return quotes + "needs double quotes around it, and the whole string then single ones";
  }

  // RFC 9110 section 5.6.4.
  bool take_quoted() {
    for (size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '\\') {
        ++i;
      } else if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }

  std::string_view rest_;
};

}  // namespace

std::string link_problem(std::string_view text) {
  if (std::string problem = field_value_problem(text); !problem.empty()) return problem;
  if (!text.starts_with('<')) return "a link begins with its target in angle brackets";
  const size_t end = text.find('>');
  if (end == text.npos) return "its '<' has no '>'";
  if (std::string problem = target_problem(text.substr(1, end - 1)); !problem.empty())
    return problem;
  return Parameters(text.substr(end + 1)).problem();
}

void read_hints(const Node& table, Site& site, Report& report) {
  if (const Node* hints = table.find("early_hints")) {
    for (const Node* hint : strings_of(*hints)) {
      if (const std::string problem = link_problem(hint->text); !problem.empty()) {
        report.error(Code::bad_link, hint->place, "this is no link: " + problem,
                     {"expected for example \"</app.css>; rel=preload; as=style\""});
      }
      site.early_hints.push_back(hint->text);
    }
  }
  site.early_hints_to_all = text_or(table, "early_hints_to", "navigations") == "all";
  site.push = flag_or(table, "push", false);
  if (!site.early_hints.empty() || table.entry("early_hints") != nullptr || table.has_bad_entry())
    return;
  for (const std::string_view key : {"early_hints_to", "push"}) {
    const Entry* entry = table.entry(key);
    if (entry == nullptr || (key == "push" && !site.push)) continue;
    report.error(Code::hints_without_links, entry->key_place,
                 "'" + entry->key + "' is about 'early_hints', and the site has none",
                 {"add early_hints = [\"</app.css>; rel=preload; as=style\"]"});
  }
}

}  // namespace sluice::conf
