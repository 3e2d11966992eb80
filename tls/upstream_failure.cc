// From OpenSSL's codes to what an operator can act on.
//
// A certificate that is refused shows as a verification result; what the upstream refuses is an
// alert, which OpenSSL turns into an error with a number of its own; all else is the protocol's.
#include "tls/upstream_failure.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>

#include "tls/openssl.h"

namespace sluice::tls {

namespace {

std::string_view certificate_cause(long verification) noexcept {
  switch (verification) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "upstream's certificate has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "upstream's certificate is not yet valid";
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return "upstream's certificate is for another name";
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "upstream's certificate is for another address";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "upstream's certificate is not trusted: it vouches for itself";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "upstream's certificate is not trusted: no authority above it is known";
    case X509_V_ERR_INVALID_PURPOSE:
      return "upstream's certificate is not for servers";
    case X509_V_ERR_INVALID_CA:
      return "upstream's certificate was issued by one that is no authority";
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
      return "upstream's certificate has a weak key or signature";
    default:
      return "upstream's certificate does not verify";
  }
}

std::string_view alert_cause(int alert) noexcept {
  switch (alert) {
    case SSL_AD_HANDSHAKE_FAILURE:
      return "upstream refused the TLS handshake: nothing in common (handshake_failure)";
    case SSL_AD_PROTOCOL_VERSION:
      return "upstream speaks no TLS version that we do (protocol_version)";
    case SSL_AD_UNRECOGNIZED_NAME:
      return "upstream knows no such name (unrecognized_name)";
    case SSL_AD_NO_APPLICATION_PROTOCOL:
      return "upstream speaks no HTTP version that was offered (no_application_protocol)";
    case SSL_AD_CERTIFICATE_REQUIRED:
      return "upstream wants a client certificate (certificate_required)";
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_UNKNOWN:
      return "upstream refused our client certificate (bad_certificate)";
    case SSL_AD_CERTIFICATE_EXPIRED:
      return "upstream refused our client certificate (certificate_expired)";
    case SSL_AD_CERTIFICATE_REVOKED:
      return "upstream refused our client certificate (certificate_revoked)";
    case SSL_AD_UNKNOWN_CA:
      return "upstream does not know our client certificate's authority (unknown_ca)";
    case SSL_AD_INTERNAL_ERROR:
      return "upstream broke TLS off over an error of its own (internal_error)";
    default:
      return "upstream broke TLS off with an alert";
  }
}

std::string_view protocol_cause(int reason) noexcept {
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_RECORD_LENGTH_MISMATCH:
      return "upstream's answer is no TLS: it may speak clear text";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNKNOWN_SSL_VERSION:
    case SSL_R_WRONG_SSL_VERSION:
      return "upstream speaks no TLS version that we do";
    case SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED:
      return "upstream's TLS lacks secure renegotiation (RFC 5746)";
    case SSL_R_DH_KEY_TOO_SMALL:
    case SSL_R_EE_KEY_TOO_SMALL:
    case SSL_R_CA_KEY_TOO_SMALL:
    case SSL_R_CA_MD_TOO_WEAK:
      return "upstream's key is weak";
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
      return "upstream's record cannot be decrypted";
    default:
      return "upstream broke the rules of TLS";
  }
}

// The first error of OpenSSL's own TLS code, or the first of all: what lies below, a cipher or a
// decoder, fails before, and says less.
unsigned long take_first_error() noexcept {
  const unsigned long first = ERR_get_error();
  for (unsigned long error = first; error != 0; error = ERR_get_error()) {
    if (ERR_GET_LIB(error) == ERR_LIB_SSL) return error;
  }
  return first;
}

}  // namespace

SessionFailure explain_upstream_failure(const ssl_st& ssl) {
  const unsigned long error = take_first_error();
  const int reason = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return {"tls_protocol_error", protocol_cause(0)};
  if (reason >= SSL_AD_REASON_OFFSET) {
    const int alert = reason - SSL_AD_REASON_OFFSET;
    return {"tls_alert_received", alert_cause(alert), alert};
  }
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
    return {"tls_certificate_error", certificate_cause(SSL_get_verify_result(&ssl))};
  return {"tls_protocol_error", protocol_cause(reason)};
}

}  // namespace sluice::tls
