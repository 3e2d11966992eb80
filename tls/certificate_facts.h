// What certificates and keys say, as plain values: for messages, names to serve and what else is
// looked at. Everything here is as hostile as the file it comes from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

struct asn1_string_st;
struct evp_pkey_st;
struct x509_st;
struct X509_name_st;

namespace sluice::tls {

// As RFC 2253 writes it, other than ASCII escaped; "(no name)" for an empty one.
[[nodiscard]] std::string text_of_name(const X509_name_st* name);
// The subject in quotes, no longer than a message bears.
[[nodiscard]] std::string quoted_subject(const x509_st* certificate);

// Seconds since 1970; the lowest or the highest value for a time that cannot be read is the
// caller's choice.
[[nodiscard]] int64_t seconds_of(const asn1_string_st* time, int64_t unreadable);
// "2026-02-03 04:05:06 UTC"
[[nodiscard]] std::string text_of_time(int64_t seconds);

struct AlternativeNames {
  bool present = false;                // there is a subjectAltName
  std::vector<std::string> names;      // lower case, of a name's form
  std::vector<std::string> addresses;  // as text
  std::vector<std::string> odd;        // those of another form, escaped
};
[[nodiscard]] AlternativeNames alternative_names_of(const x509_st* certificate);
// The subject's (last) common name in lower case; empty when it is not of a host name's form.
[[nodiscard]] std::string common_name_of(const x509_st* certificate);

// Labels of letters, digits, "-" and "_", of which the first may be "*" alone when others follow.
[[nodiscard]] bool is_dns_name(const std::string& name);

// "RSA, 2048 bits", "ECDSA, P-256"
[[nodiscard]] std::string describe_key(const evp_pkey_st* key);
// The curve's name ("prime256v1"); empty for other kinds of keys.
[[nodiscard]] std::string curve_of(const evp_pkey_st* key);
// The digest that its signature is made with ("SHA1") where that is too weak for clients to take;
// empty otherwise.
[[nodiscard]] std::string weak_digest_of(x509_st* certificate);

// Whether `issuer` has signed `certificate`, and bears the name that it says it was signed by.
[[nodiscard]] bool issues(x509_st* issuer, x509_st* certificate);
[[nodiscard]] bool is_self_signed(x509_st* certificate);

}  // namespace sluice::tls
