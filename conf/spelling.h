// Which known word somebody meant who wrote another one.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace sluice::conf {

// How many insertions, deletions, replacements and exchanges of neighbours lead from one word to
// the other (Damerau and Levenshtein's optimal string alignment). Time and memory grow with the
// product of the lengths.
size_t distance(std::string_view from, std::string_view to);

// The candidate nearest to `word`; empty when even that one is so far that it would be a guess
// rather than a correction. A view into `candidates`.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

// "did you mean 'address'?", or nothing; "did you mean 'hosts' or 'hsts'?" where one slip leads
// from either to the word.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace sluice::conf
