// The house rules that a machine can hold, each a function from a file (or from all of them) to the
// findings in it. tests/tidy_test.cc feeds them the repository, where they must find nothing, and
// small bad files, where they must find something: a check that cannot fail does not exist.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/tidy/source_text.h"

namespace sluice::tidy {

// One broken rule. Printed as `path:line: message`, which editors and CI turn into a link.
struct Finding {
  std::string path;
  std::size_t line;
  std::string message;
};

using Findings = std::vector<Finding>;

inline constexpr std::size_t kFileLines = 500;        // more needs a `// long: reason`
inline constexpr std::size_t kFileLinesNever = 800;   // no reason is good enough
inline constexpr std::size_t kFunctionLines = 80;     // more needs a `// long: reason`
inline constexpr std::size_t kFunctionLinesP90 = 40;  // nine of ten functions are shorter
inline constexpr std::size_t kFunctionLinesMedian = 12;

// Rules about one file.
[[nodiscard]] Findings check_place(const SourceFile& file);   // lies in a folder that may hold code
[[nodiscard]] Findings check_arrows(const SourceFile& file);  // includes only where an arrow leads
[[nodiscard]] Findings check_system_headers(
    const SourceFile& file);                                   // sockets, clocks, wrapped libraries
[[nodiscard]] Findings check_opening(const SourceFile& file);  // opening comment, #pragma once
[[nodiscard]] Findings check_file_size(const SourceFile& file);
[[nodiscard]] Findings check_function_sizes(const SourceFile& file);
[[nodiscard]] Findings check_words(
    const SourceFile& file);  // banned calls, exceptions, std::function
[[nodiscard]] Findings check_comments(const SourceFile& file);  // no work left for later

// Rules about all files together.
[[nodiscard]] Findings check_cycles(const std::vector<SourceFile>& files);
// Headers that show a wrapped library's types are included where they belong only.
[[nodiscard]] Findings check_wrappers(const std::vector<SourceFile>& files);
[[nodiscard]] Findings check_size_distribution(const std::vector<SourceFile>& files);

}  // namespace sluice::tidy
