// SHA-256, for what is compared by its content.
#pragma once

#include <string>
#include <string_view>

#include "tls/openssl.h"

namespace sluice::tls {

// 32 octets.
std::string digest_of(std::string_view octets);
// Of a certificate's DER form.
std::string digest_of(const X509& certificate);

}  // namespace sluice::tls
