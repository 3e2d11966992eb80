// The keys about TLS: certificates, how a listener speaks it, what a site asks for beside it.
#pragma once

#include "conf/keys.h"

namespace sluice::conf {

const Table& certificate_table() noexcept;               // [[certificate]]
const Table& tls_table() noexcept;                       // tls of a [[listener]]
const Table& site_client_certificates_table() noexcept;  // client_certificates of a [[site]]
const Table& hsts_table() noexcept;                      // hsts of a [[site]]

}  // namespace sluice::conf
