// Path patterns: how a route, or a rule for caches, names many paths at once.
//
// `*` is any run of octets without '/', also an empty one; `**` is any run at all. Everything else
// stands for itself; there is no escape, because '*' in a path can be written as %2A. Each wildcard
// is a capture, counted from 1. A pattern that starts with a single `*` ("*.css") is compared with
// the path's last segment. Matching is case-sensitive, takes O(pattern x path) whatever the input,
// and allocates nothing.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::conf {

// What the wildcards stood for; views into the path that was matched.
struct Captures {
  static constexpr size_t kMost = 9;
  std::array<std::string_view, kMost> texts{};
  size_t count = 0;
};

class PathPattern {
 public:
  // What is wrong with a pattern, in words for whoever wrote it; empty when it is good: it starts
  // with '/' or '*', has at most nine wildcards, no wildcard follows another directly, and one that
  // starts with a single '*' holds no '/'.
  [[nodiscard]] static std::string problem(std::string_view text);

  // Requires: problem(text) is empty.
  explicit PathPattern(std::string_view text);

  bool matches(std::string_view path) const noexcept;
  // The same; each wildcard takes as few octets as the rest of the pattern allows, from the left.
  bool matches(std::string_view path, Captures& captures) const noexcept;

  const std::string& text() const noexcept { return text_; }
  // Octets before the first wildcard, and octets that are no wildcard: what makes one pattern more
  // specific than another.
  std::string_view literal_prefix() const noexcept;
  size_t literal_octets() const noexcept;

 private:
  // A wildcard with the literal after it, which lies in text_ (as offsets, so that patterns can be
  // copied).
  struct Piece {
    size_t literal_begin = 0;
    size_t literal_size = 0;
    bool crosses_slashes = false;
  };
  bool is_last(size_t i) const noexcept { return i + 1 == pieces_.size(); }
  std::string_view literal(const Piece& piece) const noexcept;
  bool match_group(std::string_view path, size_t first, size_t end, size_t& at,
                   Captures& captures) const noexcept;
  bool match_chain(std::string_view path, size_t first, size_t end, size_t& at,
                   Captures& captures) const noexcept;
  size_t find_literal(std::string_view path, size_t i, size_t from) const noexcept;

  std::string text_;
  size_t prefix_size_ = 0;
  std::vector<Piece> pieces_;
};

// Writes `to` with $1 to $9 and $query replaced, "$$" being a '$'; a capture that there is not is
// empty, any other '$' stands for itself. `query` is without its '?'.
std::string substitute(std::string_view to, const Captures& captures, bool has_query,
                       std::string_view query);

}  // namespace sluice::conf
