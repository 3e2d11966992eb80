// Matching without going back further than needed.
//
// A pattern falls into groups that begin at each `**` (the first at the path's start). Within a
// group the leftmost place for each literal is always the best one: a `*` ends at the next slash
// wherever it began before it, so that an earlier place leaves the same choices and more. Hence
// only a group's first literal is ever tried in several places; if the rest of the group fails, it
// would fail in the same way from every other place before the next slash, and the search goes on
// behind that. No literal is looked for twice in one segment, which makes O(pattern x path).
#include "conf/pattern.h"

#include <algorithm>

namespace sluice::conf {

namespace {

constexpr size_t kNone = std::string_view::npos;

// Whether `text` is about names of files ("*.css"), not about whole paths.
bool is_name_pattern(std::string_view text) noexcept {
  return text.starts_with('*') && !text.starts_with("**");
}

size_t wildcard_size(std::string_view text, size_t at) noexcept {
  return text.substr(at).starts_with("**") ? 2 : 1;
}

// Whether `at` lies within a percent-encoding, of which a path has only whole ones
// (protocol/target.h): one octet of the path's, and no place for a wildcard to begin or end.
bool cuts_encoding(std::string_view path, size_t at) noexcept {
  return (at >= 1 && path[at - 1] == '%') || (at >= 2 && path[at - 2] == '%');
}

}  // namespace

std::string PathPattern::problem(std::string_view text) {
  if (!text.starts_with('/') && !text.starts_with('*')) return "a pattern starts with '/' or '*'";
  if (is_name_pattern(text) && text.find('/') != kNone)
    return "a pattern that starts with '*' is compared with the last segment, which holds no '/'; "
           "start with '/' or '**'";
  size_t wildcards = 0;
  for (size_t at = text.find('*'); at != kNone; at = text.find('*', at)) {
    at += wildcard_size(text, at);
    if (text.substr(at).starts_with('*')) return "two wildcards need something between them";
    if (++wildcards > Captures::kMost) return "a pattern has at most nine wildcards";
  }
  return {};
}

PathPattern::PathPattern(std::string_view text)
    : text_(text), prefix_size_(std::min(text.find('*'), text.size())) {
  for (size_t at = prefix_size_; at < text.size();) {
    const bool crosses_slashes = wildcard_size(text, at) == 2;
    at += crosses_slashes ? 2 : 1;
    const size_t end = std::min(text.find('*', at), text.size());
    pieces_.push_back(
        {.literal_begin = at, .literal_size = end - at, .crosses_slashes = crosses_slashes});
    at = end;
  }
}

std::string_view PathPattern::literal_prefix() const noexcept {
  return std::string_view(text_).substr(0, prefix_size_);
}

size_t PathPattern::literal_octets() const noexcept {
  size_t octets = prefix_size_;
  for (const Piece& piece : pieces_) octets += piece.literal_size;
  return octets;
}

bool PathPattern::matches(std::string_view path) const noexcept {
  Captures captures;
  return matches(path, captures);
}

bool PathPattern::matches(std::string_view path, Captures& captures) const noexcept {
  captures.count = 0;
  if (is_name_pattern(text_)) path.remove_prefix(path.rfind('/') + 1);  // npos + 1 is 0
  if (!path.starts_with(literal_prefix())) return false;
  if (pieces_.empty()) return path.size() == prefix_size_;
  // Of the paths that begin alike, most are told apart by how they end.
  if (!path.ends_with(literal(pieces_.back()))) return false;
  if (cuts_encoding(path, prefix_size_)) return false;
  size_t at = prefix_size_;
  for (size_t first = 0; first < pieces_.size();) {
    size_t end = first + 1;
    while (end < pieces_.size() && !pieces_[end].crosses_slashes) ++end;
    if (!match_group(path, first, end, at, captures)) return false;
    first = end;
  }
  captures.count = pieces_.size();
  return true;
}

// Matches pieces [first, end), of which only the first may cross slashes; moves `at` behind them.
bool PathPattern::match_group(std::string_view path, size_t first, size_t end, size_t& at,
                              Captures& captures) const noexcept {
  if (!pieces_[first].crosses_slashes) return match_chain(path, first, end, at, captures);
  for (size_t from = at;;) {
    const size_t place = find_literal(path, first, from);
    if (place == kNone) return false;
    captures.texts[first] = path.substr(at, place - at);
    size_t after = place + pieces_[first].literal_size;
    if (match_chain(path, first + 1, end, after, captures)) {
      at = after;
      return true;
    }
    const size_t slash = path.find('/', place);
    if (slash == kNone) return false;
    from = slash + 1;
  }
}

// Matches pieces [first, end), none of which crosses slashes.
bool PathPattern::match_chain(std::string_view path, size_t first, size_t end, size_t& at,
                              Captures& captures) const noexcept {
  size_t from = at;
  for (size_t i = first; i < end; ++i) {
    const size_t slash = std::min(path.find('/', from), path.size());
    // The literal begins at the slash or before it, so nothing behind that need be looked at.
    const size_t reach = std::min(slash + pieces_[i].literal_size, path.size());
    const size_t place = find_literal(path.substr(0, is_last(i) ? path.size() : reach), i, from);
    if (place == kNone || place > slash) return false;
    captures.texts[i] = path.substr(from, place - from);
    from = place + pieces_[i].literal_size;
  }
  at = from;
  return true;
}

std::string_view PathPattern::literal(const Piece& piece) const noexcept {
  return std::string_view(text_).substr(piece.literal_begin, piece.literal_size);
}

// Where the literal of piece `i` begins, at `from` or later; the last one ends the path.
size_t PathPattern::find_literal(std::string_view path, size_t i, size_t from) const noexcept {
  if (is_last(i)) {
    const size_t size = pieces_[i].literal_size;  // matches() has seen that the path ends with it
    if (path.size() < from + size) return kNone;
    return cuts_encoding(path, path.size() - size) ? kNone : path.size() - size;
  }
  const std::string_view wanted = literal(pieces_[i]);
  size_t place = path.find(wanted, from);
  while (place != kNone &&
         (cuts_encoding(path, place) || cuts_encoding(path, place + wanted.size()))) {
    place = path.find(wanted, place + 1);
  }
  return place;
}

std::string substitute(std::string_view to, const Captures& captures, bool has_query,
                       std::string_view query) {
  static constexpr std::string_view kQuery = "query";
  std::string out;
  for (size_t dollar = to.find('$'); dollar != kNone; dollar = to.find('$')) {
    out.append(to.substr(0, dollar));
    to.remove_prefix(dollar + 1);
    if (to.starts_with(kQuery)) {
      if (has_query) out.append("?").append(query);
      to.remove_prefix(kQuery.size());
    } else if (!to.empty() && to.front() >= '1' && to.front() <= '9') {
      const size_t index = static_cast<size_t>(to.front() - '1');
      if (index < captures.count) out.append(captures.texts[index]);
      to.remove_prefix(1);
    } else {
      out += '$';
      if (to.starts_with('$')) to.remove_prefix(1);
    }
  }
  return out.append(to);
}

}  // namespace sluice::conf
