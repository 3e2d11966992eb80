// OpenSSL keeps errors in a queue of each thread: what is left there would be blamed on the next
// call.
#include "tls/error_text.h"

#include <openssl/err.h>

namespace sluice::tls {

std::string take_error_text() {
  const unsigned long first = ERR_get_error();
  ERR_clear_error();
  if (first == 0) return {};
  const char* const reason = ERR_reason_error_string(first);
  return reason != nullptr ? reason : "error " + std::to_string(first);
}

}  // namespace sluice::tls
