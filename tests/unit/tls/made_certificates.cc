// What makes them: OpenSSL, as an authority would use it.
#include "unit/tls/made_certificates.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <utility>

#include "tls/openssl.h"

namespace sluice::tls {

namespace {

// A test can do nothing without.
template <typename T>
T must(T value, const char* what) {
  if (value) return value;
  std::fprintf(stderr, "made_certificates: %s failed\n", what);
  std::abort();
}

KeyPointer make_key(MadeKey kind) {
  EVP_PKEY* key = nullptr;
  switch (kind) {
    case MadeKey::p256:
      key = EVP_EC_gen("P-256");
      break;
    case MadeKey::p384:
      key = EVP_EC_gen("P-384");
      break;
    case MadeKey::p521:
      key = EVP_EC_gen("P-521");
      break;
    case MadeKey::secp256k1:
      key = EVP_EC_gen("secp256k1");
      break;
    case MadeKey::rsa_2048:
      key = EVP_RSA_gen(2048);
      break;
    case MadeKey::rsa_1024:
      key = EVP_RSA_gen(1024);
      break;
    case MadeKey::ed25519:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
      break;
    case MadeKey::ed448:
      key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448");
      break;
  }
  return KeyPointer(must(key, "making a key"));
}

bool signs_without_digest(EVP_PKEY* key) {
  const int id = EVP_PKEY_get_base_id(key);
  return id == EVP_PKEY_ED25519 || id == EVP_PKEY_ED448;
}

void add_extension(X509* certificate, X509* issuer, int which, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension =
      must(X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str()), value.c_str());
  must(X509_add_ext(certificate, extension, -1), "adding an extension");
  X509_EXTENSION_free(extension);
}

std::string alternative_names(const CertificateWish& wish) {
  std::string text;
  for (const std::string& name : wish.names) text += (text.empty() ? "DNS:" : ",DNS:") + name;
  for (const std::string& one : wish.addresses) text += (text.empty() ? "IP:" : ",IP:") + one;
  return text;
}

void add_extensions(X509* certificate, X509* issuer, const CertificateWish& wish) {
  add_extension(certificate, issuer, NID_subject_key_identifier, "hash");
  if (wish.authority) {
    add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
  } else {
    add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE");
    if (!wish.usage.empty()) add_extension(certificate, issuer, NID_key_usage, wish.usage);
    if (!wish.extended_usage.empty())
      add_extension(certificate, issuer, NID_ext_key_usage, wish.extended_usage);
  }
  if (issuer != certificate)
    add_extension(certificate, issuer, NID_authority_key_identifier, "keyid");
  if (!wish.issuer_place.empty())
    add_extension(certificate, issuer, NID_info_access, "caIssuers;URI:" + wish.issuer_place);
  if (const std::string names = alternative_names(wish); !names.empty())
    add_extension(certificate, issuer, NID_subject_alt_name, names);
}

void set_name(X509_NAME* name, const std::string& common_name) {
  if (common_name.empty()) return;
  must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                  reinterpret_cast<const unsigned char*>(common_name.data()),
                                  static_cast<int>(common_name.size()), -1, 0),
       "setting a name");
}

void set_serial_number(X509* certificate) {
  unsigned char octets[8];
  must(RAND_bytes(octets, sizeof octets) == 1, "RAND_bytes");
  uint64_t number = 0;
  for (const unsigned char octet : octets) number = number << 8U | octet;
  must(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), (number >> 1U) + 1),
       "setting a serial number");
}

void set_validity(X509* certificate, const CertificateWish& wish) {
  const std::time_t now = std::time(nullptr);
  constexpr std::time_t kHour = 3600;
  must(ASN1_TIME_set(X509_getm_notBefore(certificate),
                     wish.not_before != 0 ? wish.not_before : now - kHour),
       "setting a time");
  must(ASN1_TIME_set(X509_getm_notAfter(certificate),
                     wish.not_after != 0 ? wish.not_after : now + 90 * 24 * kHour),
       "setting a time");
}

const EVP_MD* digest_for(EVP_PKEY* key, const std::string& name) {
  if (signs_without_digest(key)) return nullptr;
  return must(EVP_get_digestbyname(name.c_str()), name.c_str());
}

X509Pointer make_certificate(const CertificateWish& wish, EVP_PKEY* key, X509* issuer,
                             EVP_PKEY* issuer_key) {
  X509Pointer made(must(X509_new(), "X509_new"));
  X509_set_version(made.get(), X509_VERSION_3);
  set_serial_number(made.get());
  set_name(X509_get_subject_name(made.get()), wish.common_name);
  if (issuer == nullptr) issuer = made.get();
  X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
  set_validity(made.get(), wish);
  must(X509_set_pubkey(made.get(), key), "X509_set_pubkey");
  add_extensions(made.get(), issuer, wish);
  must(X509_sign(made.get(), issuer_key, digest_for(issuer_key, wish.digest)), "X509_sign");
  return made;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

// What `write` wrote into memory.
template <typename Write>
std::string written(Write write) {
  const BioPointer bio(must(BIO_new(BIO_s_mem()), "BIO_new"));
  must(write(bio.get()) == 1, "writing");
  return text_of(bio.get());
}

}  // namespace

struct MadeCertificate::Parts {
  KeyPointer key;
  X509Pointer certificate;
};

MadeCertificate::MadeCertificate(const CertificateWish& wish, const MadeCertificate* issuer) {
  auto parts = std::make_shared<Parts>();
  parts->key = make_key(wish.key);
  parts->certificate =
      make_certificate(wish, parts->key.get(), issuer ? issuer->parts_->certificate.get() : nullptr,
                       issuer ? issuer->parts_->key.get() : parts->key.get());
  parts_ = std::move(parts);
}

std::string MadeCertificate::pem() const {
  return written([&](BIO* bio) { return PEM_write_bio_X509(bio, parts_->certificate.get()); });
}

std::string MadeCertificate::key_pem() const {
  return written([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, parts_->key.get(), nullptr, nullptr, 0, nullptr,
                                         nullptr);
  });
}

std::string MadeCertificate::traditional_key_pem() const {
  return written([&](BIO* bio) {
    return PEM_write_bio_PrivateKey_traditional(bio, parts_->key.get(), nullptr, nullptr, 0,
                                                nullptr, nullptr);
  });
}

std::string MadeCertificate::encrypted_key_pem(std::string_view passphrase) const {
  return written([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, parts_->key.get(), EVP_aes_256_cbc(),
                                         passphrase.data(), static_cast<int>(passphrase.size()),
                                         nullptr, nullptr);
  });
}

std::string MadeCertificate::encrypted_traditional_key_pem(std::string_view passphrase) const {
  return written([&](BIO* bio) {
    return PEM_write_bio_PrivateKey_traditional(
        bio, parts_->key.get(), EVP_aes_256_cbc(),
        reinterpret_cast<const unsigned char*>(passphrase.data()),
        static_cast<int>(passphrase.size()), nullptr, nullptr);
  });
}

std::string MadeCertificate::public_key_pem() const {
  return written([&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, parts_->key.get()); });
}

std::string MadeCertificate::request_pem() const {
  X509_REQ* const request = must(X509_to_X509_REQ(parts_->certificate.get(), parts_->key.get(),
                                                  digest_for(parts_->key.get(), "SHA256")),
                                 "X509_to_X509_REQ");
  std::string text = written([&](BIO* bio) { return PEM_write_bio_X509_REQ(bio, request); });
  X509_REQ_free(request);
  return text;
}

std::string MadeCertificate::der() const {
  return written([&](BIO* bio) { return i2d_X509_bio(bio, parts_->certificate.get()); });
}

std::string MadeCertificate::key_der() const {
  return written([&](BIO* bio) { return i2d_PKCS8PrivateKeyInfo_bio(bio, parts_->key.get()); });
}

std::string MadeCertificate::pkcs12(std::string_view passphrase) const {
  PKCS12* const made =
      must(PKCS12_create(std::string(passphrase).c_str(), "made", parts_->key.get(),
                         parts_->certificate.get(), nullptr, 0, 0, 0, 0, 0),
           "PKCS12_create");
  std::string text = written([&](BIO* bio) { return i2d_PKCS12_bio(bio, made); });
  PKCS12_free(made);
  return text;
}

std::string MadeCertificate::public_key_pin() const {
  const std::string info =
      written([&](BIO* bio) { return i2d_PUBKEY_bio(bio, parts_->key.get()); });
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(info.data()), info.size(), digest);
  unsigned char base64[64];
  const int size = EVP_EncodeBlock(base64, digest, sizeof digest);
  return {reinterpret_cast<const char*>(base64), static_cast<size_t>(size)};
}

MadeChain::MadeChain(const CertificateWish& leaf_wish)
    : root({.common_name = "Root of tests", .authority = true}),
      intermediate({.common_name = "Intermediate of tests", .authority = true}, &root),
      leaf(leaf_wish, &intermediate) {}

CertificateFolder::CertificateFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "sluice-tls-XXXXXX").string();
  path_ = must(::mkdtemp(pattern.data()), "mkdtemp");
}

CertificateFolder::~CertificateFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string CertificateFolder::write(std::string_view name, std::string_view text,
                                     unsigned mode) const {
  const std::string where = path(name);
  std::filesystem::remove(where);
  std::ofstream(where, std::ios::binary) << text;
  must(::chmod(where.c_str(), mode) == 0, "chmod");
  return where;
}

std::string CertificateFolder::path(std::string_view name) const { return (path_ / name).string(); }

}  // namespace sluice::tls
