// The distance between two words, and the nearest of several.
#include "conf/spelling.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

namespace sluice::conf {

namespace {

// No key is nearly as long; what is longer is not a slip of the fingers.
constexpr size_t kLongest = 64;

}  // namespace

size_t distance(std::string_view from, std::string_view to) {
  // Three rows of the table: an exchange of neighbours looks two rows back.
  std::array<std::vector<size_t>, 3> rows;
  for (auto& row : rows) row.assign(to.size() + 1, 0);
  std::iota(rows[1].begin(), rows[1].end(), size_t{0});
  for (size_t i = 1; i <= from.size(); ++i) {
    const auto &before = rows[0], &above = rows[1];
    auto& row = rows[2];
    row[0] = i;
    for (size_t j = 1; j <= to.size(); ++j) {
      const size_t replaced = above[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
      row[j] = std::min({row[j - 1] + 1, above[j] + 1, replaced});
      const bool exchanged = i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1];
      if (exchanged) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::rotate(rows.begin(), rows.begin() + 1, rows.end());
  }
  return rows[1].back();
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.size() > kLongest) return {};
  std::string_view best;
  size_t least = std::numeric_limits<size_t>::max();
  for (const std::string_view candidate : candidates) {
    const size_t away = distance(word, candidate);
    if (away < least) std::tie(best, least) = std::pair(candidate, away);
  }
  // Farther than a third of the word is a guess, and so is replacing all of it.
  const bool near = least <= std::max<size_t>(2, best.size() / 3) && least < best.size();
  return near ? best : std::string_view();
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string_view best = nearest(word, candidates);
  if (best.empty()) return {};
  std::string text = "did you mean '" + std::string(best) + "'";
  // The second one of a tie; a third is no help. Ties of words far away are chance.
  const auto other = std::find_if(candidates.begin(), candidates.end(), [&](const auto candidate) {
    return candidate != best && candidate.size() > 1 && distance(word, candidate) == 1;
  });
  const bool tie = other != candidates.end() && distance(word, best) == 1;
  return text + (tie ? " or '" + std::string(*other) + "'?" : "?");
}

}  // namespace sluice::conf
