// Everything is copied out, bounded, and OpenSSL's object is let go.
#include "tls/peer_certificate.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <string_view>

#include "tls/openssl.h"

namespace sluice::tls {
namespace {

std::string bounded(const char* text, size_t size) {
  return {text, std::min(size, PeerCertificate::kLongestText)};
}

// "CN=example.com, O=Example": RFC 2253's escapes, but letters of other scripts as they are.
std::string text_of(const X509_NAME* name) {
  constexpr unsigned long kFlags =
      (XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB & ~XN_FLAG_SPC_EQ) | ASN1_STRFLGS_ESC_CTRL;
  const BioPointer out(BIO_new(BIO_s_mem()));
  if (!out || X509_NAME_print_ex(out.get(), name, 0, kFlags) < 0) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return size > 0 ? bounded(text, static_cast<size_t>(size)) : std::string();
}

int64_t seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<int64_t>(::timegm(&parts)) : 0;
}

std::string kind_of(const EVP_PKEY& key) {
  switch (EVP_PKEY_get_base_id(&key)) {
    case EVP_PKEY_RSA:
      return "RSA";
    case EVP_PKEY_RSA_PSS:
      return "RSA-PSS";
    case EVP_PKEY_EC:
      return "ECDSA";
    case EVP_PKEY_ED25519:
      return "Ed25519";
    case EVP_PKEY_ED448:
      return "Ed448";
    case EVP_PKEY_DSA:
      return "DSA";
    default:
      return "of another kind";
  }
}

void read_key(const X509* certificate, PeerCertificate& facts) {
  const EVP_PKEY* const key = X509_get0_pubkey(certificate);
  if (key == nullptr) return;
  facts.key_kind = kind_of(*key);
  facts.key_bits = static_cast<unsigned>(std::max(0, EVP_PKEY_get_bits(key)));
}

std::string text_of_string(const ASN1_STRING* text) {
  return bounded(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                 static_cast<size_t>(std::max(0, ASN1_STRING_length(text))));
}

std::string text_of_address(const ASN1_OCTET_STRING* address) {
  const int size = ASN1_STRING_length(address);
  char text[INET6_ADDRSTRLEN] = "";
  if (size != 4 && size != 16) return {};
  ::inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text, sizeof text);
  return text;
}

void add_name(const GENERAL_NAME* name, std::vector<std::string>& names) {
  if (name->type == GEN_DNS) names.push_back(text_of_string(name->d.dNSName));
  if (name->type == GEN_IPADD) names.push_back(text_of_address(name->d.iPAddress));
}

void read_names(const X509* certificate, PeerCertificate& facts) {
  auto* const names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    if (facts.names.size() == PeerCertificate::kMostNames) break;
    add_name(sk_GENERAL_NAME_value(names, i), facts.names);
  }
  GENERAL_NAMES_free(names);
}

// The errors of what could not be decoded concern nobody else on this thread; those that were there
// before stay.
class KeepErrors {
 public:
  KeepErrors() { ERR_set_mark(); }
  ~KeepErrors() { ERR_pop_to_mark(); }
  KeepErrors(const KeepErrors&) = delete;
  KeepErrors& operator=(const KeepErrors&) = delete;
};

}  // namespace

std::optional<PeerCertificate> read_certificate(std::span<const uint8_t> der) {
  const KeepErrors keep;
  const uint8_t* at = der.data();
  const X509Pointer certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (!certificate || at != der.data() + der.size()) return std::nullopt;
  const X509_NAME* const subject = X509_get_subject_name(certificate.get());
  const X509_NAME* const issuer = X509_get_issuer_name(certificate.get());
  PeerCertificate facts{.subject = text_of(subject),
                        .issuer = text_of(issuer),
                        .self_issued = X509_NAME_cmp(subject, issuer) == 0,
                        .not_before = seconds_of(X509_get0_notBefore(certificate.get())),
                        .not_after = seconds_of(X509_get0_notAfter(certificate.get()))};
  const char* const signature = OBJ_nid2ln(X509_get_signature_nid(certificate.get()));
  if (signature != nullptr) facts.signature = signature;
  read_key(certificate.get(), facts);
  read_names(certificate.get(), facts);
  return facts;
}

}  // namespace sluice::tls
