// What OpenSSL says went wrong, for people.
#pragma once

#include <string>

namespace sluice::tls {

// Takes every error off this thread's queue of OpenSSL and says the first, which is the cause of
// the others: "no start line". Empty when there was none. Any thread.
std::string take_error_text();

}  // namespace sluice::tls
