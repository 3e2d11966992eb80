// Paths in commands that people copy.
#include "tls/certificate_problem.h"

#include <string_view>

namespace sluice::tls {

std::string shell_word(const std::string& path) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+=:,@%";
  if (!path.empty() && path.find_first_not_of(kPlain) == std::string::npos) return path;
  std::string word = "'";
  for (const char octet : path)
    word += octet == '\'' ? std::string("'\\''") : std::string(1, octet);
  return word + "'";
}

}  // namespace sluice::tls
