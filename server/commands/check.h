// `sluice check`: what is wrong with a configuration, and what it means when nothing is.
#pragma once

#include <string>

namespace sluice {

struct CheckOptions {
  std::string file;        // empty: where `sluice run` looks, too
  bool json = false;       // everything found, as a JSON array and nothing else
  bool schema = false;     // print the schema instead
  bool reference = false;  // print the page of reference instead
};

// Prints to standard output. Returns the exit code: 1 when there is an error.
int check(const CheckOptions& options);

}  // namespace sluice
