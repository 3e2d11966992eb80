// One function for each thing looked at. The rules are those of browsers (CA/Browser Forum Baseline
// Requirements section 6.1.5 and 7.1) and of OpenSSL at its usual security level, where both agree.
#include "tls/certificate_checks.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <limits>

#include "tls/certificate_chain.h"
#include "tls/certificate_facts.h"
#include "tls/openssl.h"

namespace sluice::tls {

namespace {

constexpr int kRsaBits = 2048;

// One certificate among others, and where to tell what is wrong with it.
struct Member {
  const std::vector<X509*>& chain;
  size_t index;
  const std::string& path;
  CertificateProblems& problems;

  [[nodiscard]] X509* certificate() const { return chain[index]; }
  [[nodiscard]] bool is_leaf() const { return index == 0; }
  void error(CertificateFlaw flaw, const std::string& text) const { add(flaw, true, text); }
  void warning(CertificateFlaw flaw, const std::string& text) const { add(flaw, false, text); }
  void add(CertificateFlaw flaw, bool is_error, const std::string& text) const {
    problems.push_back({flaw, is_error, path + ": " + describe_member(chain, index) + text});
  }
};

Validity validity_of(const X509* certificate) {
  return {seconds_of(X509_get0_notBefore(certificate), std::numeric_limits<int64_t>::max()),
          seconds_of(X509_get0_notAfter(certificate), std::numeric_limits<int64_t>::min())};
}

void check_validity(const Member& member, int64_t now) {
  const Validity validity = validity_of(member.certificate());
  if (validity.not_before == std::numeric_limits<int64_t>::max() ||
      validity.not_after == std::numeric_limits<int64_t>::min()) {
    member.error(CertificateFlaw::damaged, " says from when to when it is valid in no known form");
  } else if (now > validity.not_after) {
    member.error(CertificateFlaw::expired,
                 " expired on " + text_of_time(validity.not_after) + ": renew it");
  } else if (now < validity.not_before) {
    member.error(CertificateFlaw::not_yet_valid,
                 " is valid from " + text_of_time(validity.not_before) + " on; this machine has " +
                     text_of_time(now) + ": is its clock right?");
  }
}

void check_rsa(const Member& member, const EVP_PKEY* key) {
  if (EVP_PKEY_get_bits(key) < kRsaBits) {
    member.error(CertificateFlaw::weak_key,
                 " has a key (" + describe_key(key) +
                     ") that clients refuse as too weak: make one of 2048 bits, or ECDSA, P-256");
  } else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA_PSS) {
    member.error(CertificateFlaw::unsuitable_key,
                 " has a key for RSASSA-PSS only, which browsers do not take: make a plain RSA or "
                 "an ECDSA key");
  }
}

void check_curve(const Member& member, const EVP_PKEY* key) {
  const std::string curve = curve_of(key);
  if (curve == "prime256v1" || curve == "secp384r1") return;
  if (curve == "secp521r1") {
    member.warning(CertificateFlaw::unsuitable_key,
                   " has a key on P-521, which Chromium does not take: use P-256 or P-384");
  } else {
    member.error(CertificateFlaw::unsuitable_key,
                 " has a key (" + describe_key(key) +
                     ") on a curve that clients do not take: use P-256 or P-384");
  }
}

void check_key(const Member& member) {
  const EVP_PKEY* const key = X509_get0_pubkey(member.certificate());
  const int kind = key != nullptr ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
  if (kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS) {
    check_rsa(member, key);
  } else if (kind == EVP_PKEY_EC) {
    check_curve(member, key);
  } else if (kind == EVP_PKEY_ED25519) {
    member.warning(CertificateFlaw::unsuitable_key,
                   " has an Ed25519 key, which browsers do not take: give a second certificate "
                   "with an ECDSA key for them");
  } else {
    member.error(CertificateFlaw::unsuitable_key,
                 " has a key that clients do not take: use ECDSA, P-256, or RSA, 2048 bits");
  }
}

void check_signature(const Member& member) {
  const std::string digest = weak_digest_of(member.certificate());
  if (digest.empty()) return;
  member.error(
      CertificateFlaw::weak_signature,
      " is signed with " + digest + ", which clients refuse: have it made again, with SHA-256");
}

// `openssl req -x509` makes an authority of what is meant as a server's: browsers that are told to
// trust it do. Anything that has been issued as an authority is none of a server's business.
void check_not_authority(const Member& member) {
  if (X509_check_ca(member.certificate()) == 0) return;
  if (member.chain.size() == 1 && is_self_signed(member.certificate())) {
    member.warning(CertificateFlaw::authority,
                   " signed itself as an authority, and Firefox refuses that as a server's: make "
                   "it with -addext basicConstraints=critical,CA:FALSE");
  } else {
    member.error(CertificateFlaw::authority,
                 " is an authority's (CA:TRUE), which clients refuse as a server's: the server's "
                 "own comes first");
  }
}

void check_usage(const Member& member) {
  if (X509_get_extension_flags(member.certificate()) & EXFLAG_INVALID) {
    member.error(CertificateFlaw::damaged, " has extensions that cannot be read");
    return;
  }
  const uint32_t extended = X509_get_extended_key_usage(member.certificate());
  if ((extended & XKU_SSL_SERVER) == 0) {
    member.error(CertificateFlaw::usage,
                 " is not for servers: its extendedKeyUsage lacks serverAuth");
  }
  const bool self_made_authority = X509_check_ca(member.certificate()) != 0;
  if ((X509_get_key_usage(member.certificate()) & KU_DIGITAL_SIGNATURE) == 0 &&
      !self_made_authority) {
    member.error(CertificateFlaw::usage,
                 " may not sign handshakes: its keyUsage lacks digitalSignature");
  }
}

void check_names(const Member& member) {
  const AlternativeNames names = alternative_names_of(member.certificate());
  for (const std::string& odd : names.odd)
    member.warning(CertificateFlaw::odd_name,
                   " is for \"" + odd + "\", which no client could ask for: it is passed over");
  if (!names.present) {
    member.warning(CertificateFlaw::no_names,
                   " has no subjectAltName, without which browsers take it for no host at all: "
                   "have it made again, with -addext subjectAltName=DNS:www.example.com");
  } else if (names.names.empty() && names.addresses.empty()) {
    member.warning(CertificateFlaw::no_names,
                   " has a subjectAltName without any host's name or address: clients refuse it");
  }
}

}  // namespace

Validity validity_of(const std::vector<X509*>& chain) {
  Validity all = validity_of(chain.front());
  const size_t looked_at = chain.size() - (ends_with_root(chain) ? 1 : 0);
  for (size_t i = 1; i < looked_at; ++i) {
    const Validity one = validity_of(chain[i]);
    all.not_before = std::max(all.not_before, one.not_before);
    all.not_after = std::min(all.not_after, one.not_after);
  }
  return all;
}

void check_for_clients(const std::vector<X509*>& chain, const std::string& path, int64_t now,
                       CertificateProblems& problems) {
  const size_t looked_at = chain.size() - (ends_with_root(chain) ? 1 : 0);
  for (size_t i = 0; i < looked_at; ++i) {
    const Member member{chain, i, path, problems};
    check_validity(member, now);
    check_key(member);
    // A signature by itself is not looked at by anyone: it is trusted as it is, or not at all.
    if (!is_self_signed(chain[i])) check_signature(member);
  }
  const Member leaf{chain, 0, path, problems};
  check_not_authority(leaf);
  check_usage(leaf);
  check_names(leaf);
}

}  // namespace sluice::tls
