// ECDSA on P-256 throughout: what every client takes and makes fast.
#include "tls/authority_signing.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include "tls/certificate.h"
#include "tls/certificate_facts.h"
#include "tls/error_text.h"
#include "tls/openssl.h"

namespace sluice::tls {

namespace {

constexpr int64_t kDay = 86400;
// Clocks of containers and machines that just woke up are a little behind.
constexpr int64_t kClockLag = 3600;
constexpr int64_t kAuthorityLife = 3652 * kDay;
// Apple and the CA/Browser Forum allow 398 for what is made at home.
constexpr int64_t kServerLife = 397 * kDay;

struct FreeConstraints {
  void operator()(NAME_CONSTRAINTS* constraints) const noexcept {
    NAME_CONSTRAINTS_free(constraints);
  }
};
using ConstraintsPointer = std::unique_ptr<NAME_CONSTRAINTS, FreeConstraints>;

struct Extension {
  int which;
  std::string value;  // as OpenSSL's configuration writes it
};

bool add_extension(X509* certificate, X509* issuer, const Extension& extension) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const made =
      X509V3_EXT_conf_nid(nullptr, &context, extension.which, extension.value.c_str());
  const bool added = made != nullptr && X509_add_ext(certificate, made, -1) == 1;
  X509_EXTENSION_free(made);
  return added;
}

bool set_serial_number(X509* certificate) {
  std::array<unsigned char, 8> octets{};
  if (RAND_bytes(octets.data(), static_cast<int>(octets.size())) != 1) return false;
  uint64_t number = 0;
  for (const unsigned char octet : octets) number = number << 8U | octet;
  return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), (number >> 1U) + 1) == 1;
}

struct Draft {
  std::string common_name;
  int64_t not_before;
  int64_t not_after;
  std::vector<Extension> extensions;
};

// Signed by `issuer`, or by itself without one.
X509Pointer sign(const Draft& draft, EVP_PKEY* key, X509* issuer, EVP_PKEY* issuer_key) {
  X509Pointer made(X509_new());
  if (!made || X509_set_version(made.get(), X509_VERSION_3) != 1 || !set_serial_number(made.get()))
    return nullptr;
  if (issuer == nullptr) issuer = made.get();
  const auto* const name = reinterpret_cast<const unsigned char*>(draft.common_name.data());
  if (X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8, name,
                                 static_cast<int>(draft.common_name.size()), -1, 0) != 1 ||
      X509_set_issuer_name(made.get(), X509_get_subject_name(issuer)) != 1 ||
      ASN1_TIME_set(X509_getm_notBefore(made.get()), draft.not_before) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(made.get()), draft.not_after) == nullptr ||
      X509_set_pubkey(made.get(), key) != 1)
    return nullptr;
  for (const Extension& extension : draft.extensions)
    if (!add_extension(made.get(), issuer, extension)) return nullptr;
  return X509_sign(made.get(), issuer_key, EVP_sha256()) > 0 ? std::move(made) : nullptr;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : std::string();
}

// Empty texts where OpenSSL cannot.
SignedPair pair_of(X509* certificate, EVP_PKEY* key) {
  SignedPair pair;
  BioPointer bio(BIO_new(BIO_s_mem()));
  if (bio && PEM_write_bio_X509(bio.get(), certificate) == 1) pair.certificate = text_of(bio.get());
  bio.reset(BIO_new(BIO_s_secmem()));
  if (bio &&
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1)
    pair.key = text_of(bio.get());
  return pair;
}

// Who reads a key here knows that it is not encrypted; nobody is asked.
int refuse_passphrase(char*, int, int, void*) { return -1; }

X509Pointer read_certificate(const std::string& pem) {
  const BioPointer bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return X509Pointer(PEM_read_bio_X509(bio.get(), nullptr, refuse_passphrase, nullptr));
}

KeyPointer read_key(const std::string& pem) {
  const BioPointer bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return KeyPointer(PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_passphrase, nullptr));
}

std::string constraint_of(const std::string& name) {
  if (!is_address(name)) return ",permitted;DNS:" + name;
  const bool version_6 = name.find(':') != std::string::npos;
  return ",permitted;IP:" + name +
         (version_6 ? "/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" : "/255.255.255.255");
}

std::string constraints_for(const std::vector<std::string>& names) {
  std::string text =
      "critical,permitted;DNS:localhost,permitted;IP:127.0.0.0/255.0.0.0" + constraint_of("::1");
  for (const std::string& name : names) {
    if (name.ends_with(".localhost") || name.starts_with("127.") || name == "::1") continue;
    const bool several_labels =
        is_dns_name(name) && !name.starts_with("*.") && name.find('.') != std::string::npos;
    if (is_address(name) || several_labels) text += constraint_of(name);
  }
  return text;
}

std::string alternative_names(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "" : ",") + std::string(is_address(name) ? "IP:" : "DNS:") + name;
  return text;
}

std::string_view octets_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<size_t>(ASN1_STRING_length(string))};
}

// An address's octets; empty for what is none.
std::string octets_of_address(const std::string& name) {
  std::array<char, 16> octets{};
  if (inet_pton(AF_INET, name.c_str(), octets.data()) == 1) return {octets.data(), 4};
  if (inet_pton(AF_INET6, name.c_str(), octets.data()) == 1) return {octets.data(), 16};
  return {};
}

// `constraint` is an address and a mask after it.
bool lies_within(const std::string& address, std::string_view constraint) {
  if (address.empty() || constraint.size() != 2 * address.size()) return false;
  for (size_t i = 0; i < address.size(); ++i)
    if (((address[i] ^ constraint[i]) & constraint[address.size() + i]) != 0) return false;
  return true;
}

bool allows(const GENERAL_NAME* base, const std::string& name) {
  if (base->type == GEN_IPADD)
    return lies_within(octets_of_address(name), octets_of(base->d.iPAddress));
  if (base->type != GEN_DNS || is_address(name)) return false;
  const std::string constraint(octets_of(base->d.dNSName));
  return name == constraint || name.ends_with("." + constraint);
}

}  // namespace

struct SigningAuthority::Parts {
  KeyPointer key;
  X509Pointer certificate;
  ConstraintsPointer constraints;
  SignedPair pair;
};

std::string SigningAuthority::complaint_of(const Parts& parts) {
  if (!parts.certificate || X509_check_ca(parts.certificate.get()) != 1)
    return "holds no authority's certificate";
  if (!parts.constraints) return "was not made by Sluice: it has no name constraints";
  if (parts.pair.key.empty()) return {};
  EVP_PKEY* const own = X509_get0_pubkey(parts.certificate.get());
  const bool belongs = parts.key && own != nullptr && EVP_PKEY_eq(own, parts.key.get()) == 1;
  return belongs ? "" : "and its key do not belong together";
}

SigningAuthority::SigningAuthority(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

SigningAuthority::~SigningAuthority() {
  OPENSSL_cleanse(parts_->pair.key.data(), parts_->pair.key.size());
}

std::unique_ptr<SigningAuthority> SigningAuthority::make(const std::string& common_name,
                                                         const std::vector<std::string>& names,
                                                         int64_t now, std::string& error) {
  const KeyPointer key(EVP_EC_gen("P-256"));
  const Draft draft{.common_name = common_name,
                    .not_before = now - kClockLag,
                    .not_after = now - kClockLag + kAuthorityLife,
                    .extensions = {{NID_subject_key_identifier, "hash"},
                                   {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                   {NID_key_usage, "critical,keyCertSign"},
                                   {NID_ext_key_usage, "serverAuth"},
                                   {NID_name_constraints, constraints_for(names)}}};
  const X509Pointer made = key ? sign(draft, key.get(), nullptr, key.get()) : nullptr;
  if (!made) {
    error = "cannot make a development authority (" + take_error_text() + ")";
    return nullptr;
  }
  const SignedPair pair = pair_of(made.get(), key.get());
  return read(pair.certificate, pair.key, error);
}

std::unique_ptr<SigningAuthority> SigningAuthority::read(const std::string& certificate,
                                                         const std::string& key,
                                                         std::string& error) {
  auto parts = std::make_unique<Parts>();
  parts->pair = {certificate, key};
  parts->certificate = read_certificate(certificate);
  if (!key.empty()) parts->key = read_key(key);
  if (parts->certificate)
    parts->constraints.reset(static_cast<NAME_CONSTRAINTS*>(
        X509_get_ext_d2i(parts->certificate.get(), NID_name_constraints, nullptr, nullptr)));
  const std::string complaint = complaint_of(*parts);
  ERR_clear_error();
  if (complaint.empty())
    return std::unique_ptr<SigningAuthority>(new SigningAuthority(std::move(parts)));
  error = complaint;
  return nullptr;
}

const SignedPair& SigningAuthority::pair() const { return parts_->pair; }

int64_t SigningAuthority::not_after() const {
  return seconds_of(X509_get0_notAfter(parts_->certificate.get()),
                    std::numeric_limits<int64_t>::min());
}

bool SigningAuthority::permits(const std::string& name) const {
  if (!is_dns_name(name) && !is_address(name)) return false;
  const STACK_OF(GENERAL_SUBTREE)* const permitted = parts_->constraints->permittedSubtrees;
  for (int i = 0; i < sk_GENERAL_SUBTREE_num(permitted); ++i)
    if (allows(sk_GENERAL_SUBTREE_value(permitted, i)->base, name)) return true;
  return false;
}

bool SigningAuthority::has_issued(const Certificate& certificate) const {
  return issues(parts_->certificate.get(), certificate.leaf());
}

std::unique_ptr<SignedPair> SigningAuthority::issue(const std::vector<std::string>& names,
                                                    int64_t now, std::string& error) const {
  const KeyPointer key(EVP_EC_gen("P-256"));
  const Draft draft{.common_name = "Sluice development server",
                    .not_before = now - kClockLag,
                    .not_after = std::min(now - kClockLag + kServerLife - 1, not_after()),
                    .extensions = {{NID_subject_key_identifier, "hash"},
                                   {NID_authority_key_identifier, "keyid"},
                                   {NID_basic_constraints, "critical,CA:FALSE"},
                                   {NID_key_usage, "critical,digitalSignature"},
                                   {NID_ext_key_usage, "serverAuth"},
                                   {NID_subject_alt_name, alternative_names(names)}}};
  const X509Pointer made =
      key ? sign(draft, key.get(), parts_->certificate.get(), parts_->key.get()) : nullptr;
  if (!made) {
    error = "cannot make a development certificate (" + take_error_text() + ")";
    return nullptr;
  }
  return std::make_unique<SignedPair>(pair_of(made.get(), key.get()));
}

std::string normal_address(const std::string& address) {
  const std::string octets = octets_of_address(address);
  std::array<char, INET6_ADDRSTRLEN> room{};
  inet_ntop(octets.size() == 4 ? AF_INET : AF_INET6, octets.data(), room.data(), room.size());
  return room.data();
}

bool is_address(const std::string& name) { return !octets_of_address(name).empty(); }

}  // namespace sluice::tls
