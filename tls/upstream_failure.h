// Why TLS with an upstream came to nothing, in the terms of RFC 9209 for Proxy-Status and in words
// for the log.
#pragma once

#include "tls/session.h"

struct ssl_st;  // what OpenSSL calls SSL

namespace sluice::tls {

// Of the failure that `ssl`, in the client's role, has just had. Takes the error off this thread's
// queue of OpenSSL's.
SessionFailure explain_upstream_failure(const ssl_st& ssl);

}  // namespace sluice::tls
