// What is wrong with a configuration, where, and what to do: shown like a compiler's.
//
//     sluice.toml:7:3: error: unknown key 'adress' in [[listener]]
//        7 |   adress = ":8080"
//          |   ^~~~~~
//          = did you mean 'address'?
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::conf {

struct Diagnostic {
  enum class Severity : uint8_t { error, warning };
  Severity severity = Severity::error;
  std::string code;                // a stable name for machines: "unknown-key"
  std::string file;                // as the user named it, or as an include found it
  uint32_t line = 0;               // from 1; 0: the file as a whole
  uint32_t column = 0;             // from 1, in characters
  uint32_t width = 1;              // characters to underline
  std::string message;             // what was read, and what is wrong with it
  std::string source;              // the line, without its end; of a very long one a piece
  uint32_t source_column = 1;      // of the piece's first character
  std::vector<std::string> notes;  // what was expected, "did you mean 'x'?", where else to look
};
using Diagnostics = std::vector<Diagnostic>;

// The text for a person; with colours for a terminal.
std::string render(const Diagnostic& diagnostic, bool colours);

bool has_errors(const Diagnostics& diagnostics) noexcept;

}  // namespace sluice::conf
