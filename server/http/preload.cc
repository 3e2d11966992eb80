// Reading Link fields as RFC 8288 appendix B.2 does, without allocating.
#include "server/http/preload.h"

#include <algorithm>
#include <cstddef>

#include "protocol/fields.h"

namespace sluice::http {

namespace {

constexpr std::string_view kSpaces = " \t";

void skip(std::string_view& rest, std::string_view octets) noexcept {
  rest.remove_prefix(std::min(rest.find_first_not_of(octets), rest.size()));
}

// Up to an octet of `ends`, without the white space before it.
std::string_view take_until(std::string_view& rest, std::string_view ends) noexcept {
  const std::string_view taken = rest.substr(0, rest.find_first_of(ends));
  rest.remove_prefix(taken.size());
  return taken.substr(0, taken.find_last_not_of(kSpaces) + 1);
}

// What stands between quotes, with its backslashes: no relation has one. Null data when the second
// quote is missing.
std::string_view take_quoted(std::string_view& rest) noexcept {
  for (size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == '\\') {
      ++i;
    } else if (rest[i] == '"') {
      const std::string_view text = rest.substr(1, i - 1);
      rest.remove_prefix(i + 1);
      return text;
    }
  }
  return {};
}

struct Link {
  std::string_view target;
  std::string_view relations;
  bool has_relations = false;
  bool nopush = false;
  bool anchored = false;
};

void note(std::string_view name, std::string_view value, Link& link) noexcept {
  // RFC 8288 section 3.3: of several the first counts.
  if (equals_ignoring_case(name, "rel") && !link.has_relations) {
    link.relations = value;
    link.has_relations = true;
  }
  link.nopush = link.nopush || equals_ignoring_case(name, "nopush");
  link.anchored = link.anchored || equals_ignoring_case(name, "anchor");
}

// False when the parameter is malformed.
bool take_parameter(std::string_view& rest, Link& link) noexcept {
  const std::string_view name = take_until(rest, "=;,");
  std::string_view value;
  if (rest.starts_with('=')) {
    rest.remove_prefix(1);
    skip(rest, kSpaces);
    const bool quoted = rest.starts_with('"');
    value = quoted ? take_quoted(rest) : take_until(rest, ";,");
    if (quoted && value.data() == nullptr) return false;
    skip(rest, kSpaces);
  }
  note(name, value, link);
  return rest.empty() || rest.front() == ';' || rest.front() == ',';
}

// One link, and the comma before it. False at the end, and when it is malformed.
bool take_link(std::string_view& rest, Link& link) noexcept {
  skip(rest, " \t,");
  const size_t end = rest.find('>');
  if (!rest.starts_with('<') || end == rest.npos) return false;
  link.target = rest.substr(1, end - 1);
  rest.remove_prefix(end + 1);
  skip(rest, kSpaces);
  while (rest.starts_with(';')) {
    rest.remove_prefix(1);
    skip(rest, kSpaces);
    if (!take_parameter(rest, link)) return false;
  }
  return rest.empty() || rest.front() == ',';
}

bool preloads(std::string_view relations) noexcept {
  for (skip(relations, kSpaces); !relations.empty(); skip(relations, kSpaces)) {
    if (equals_ignoring_case(take_until(relations, kSpaces), "preload")) return true;
  }
  return false;
}

// "//host/path" has an authority, and so does "/\host/path" for browsers; what no URL holds is
// nothing to ask for.
bool is_path_of_ours(std::string_view target) noexcept {
  if (!target.starts_with('/') || target.starts_with("//")) return false;
  return std::all_of(target.begin(), target.end(),
                     [](char c) { return c > ' ' && c < 0x7F && c != '\\'; });
}

}  // namespace

std::string_view next_preload(std::string_view& rest) noexcept {
  for (Link link; take_link(rest, link); link = {}) {
    const std::string_view target = link.target.substr(0, link.target.find('#'));
    if (link.nopush || link.anchored || !preloads(link.relations)) continue;
    if (is_path_of_ours(target)) return target;
  }
  rest = {};
  return {};
}

}  // namespace sluice::http
