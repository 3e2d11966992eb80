// OpenSSL keeps errors in a queue of each thread: what is left there would be blamed on the next
// call.
#include "tls/error_text.h"

#include <openssl/err.h>

#include <system_error>

namespace sluice::tls {

std::string take_error_text() {
  const unsigned long first = ERR_get_error();
  ERR_clear_error();
  if (first == 0) return {};
  if (ERR_SYSTEM_ERROR(first)) return std::generic_category().message(ERR_GET_REASON(first));
  const char* const reason = ERR_reason_error_string(first);
  return reason != nullptr ? reason : "error " + std::to_string(first);
}

}  // namespace sluice::tls
