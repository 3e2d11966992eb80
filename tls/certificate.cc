// Reading goes from the outside in, and stops where going on would only repeat the first mistake:
// the files, what lies in them, key and order, what clients think.
#include "tls/certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <utility>

#include "tls/certificate_chain.h"
#include "tls/certificate_checks.h"
#include "tls/certificate_contents.h"
#include "tls/certificate_facts.h"
#include "tls/certificate_file.h"
#include "tls/openssl.h"
#include "tls/pem.h"

namespace sluice::tls {

namespace {

bool has_error(const CertificateProblems& problems, size_t from) {
  return std::any_of(problems.begin() + static_cast<std::ptrdiff_t>(from), problems.end(),
                     [](const CertificateProblem& one) { return one.is_error; });
}

KeyKind kind_of(const EVP_PKEY* key) {
  const int kind = EVP_PKEY_get_base_id(key);
  if (kind == EVP_PKEY_EC) return KeyKind::ecdsa;
  return kind == EVP_PKEY_ED25519 ? KeyKind::ed25519 : KeyKind::rsa;
}

// What `encode` (one of OpenSSL's i2d functions) makes of `value`.
template <typename T>
std::string der_of(int (*encode)(const T*, unsigned char**), const T* value) {
  unsigned char* octets = nullptr;
  const int size = encode(value, &octets);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<const char*>(octets), static_cast<size_t>(size));
  OPENSSL_free(octets);
  return der;
}

std::string digest_of(const std::vector<X509*>& chain, const EVP_PKEY* key) {
  std::string all;
  for (const X509* one : chain) all += der_of<X509>(i2d_X509, one);
  all += der_of<EVP_PKEY>(i2d_PUBKEY, key);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(all.data()), all.size(), digest.data());
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const unsigned char octet : digest) {
    text += kHex[octet >> 4U];
    text += kHex[octet & 15U];
  }
  return text;
}

// Whether what `key` signs is signed for who has the certificate. Public halves alone do not tell:
// a damaged key keeps the right one.
bool signs_for(EVP_PKEY* key, EVP_PKEY* public_key) {
  struct FreeDigest {
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> signing(EVP_MD_CTX_new());
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> verifying(EVP_MD_CTX_new());
  constexpr std::array<unsigned char, 32> kMessage{};
  std::array<unsigned char, 2048> signature{};  // RSA of 16384 bits: the most that OpenSSL takes
  size_t size = signature.size();
  const int kind = EVP_PKEY_get_base_id(key);
  const EVP_MD* const digest =
      kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448 ? nullptr : EVP_sha256();
  const bool fits =
      EVP_DigestSignInit(signing.get(), nullptr, digest, nullptr, key) == 1 &&
      EVP_DigestSign(signing.get(), signature.data(), &size, kMessage.data(), kMessage.size()) ==
          1 &&
      EVP_DigestVerifyInit(verifying.get(), nullptr, digest, nullptr, public_key) == 1 &&
      EVP_DigestVerify(verifying.get(), signature.data(), size, kMessage.data(), kMessage.size()) ==
          1;
  ERR_clear_error();
  return fits;
}

}  // namespace

// One reading: what was found so far, and where to tell what is wrong.
class CertificateLoading {
 public:
  CertificateLoading(const std::string& chain_path, const std::string& key_path,
                     CertificateProblems& problems)
      : certificate_(new Certificate()), problems_(problems), before_(problems.size()) {
    certificate_->chain_path_ = chain_path;
    certificate_->key_path_ = key_path;
  }

  std::shared_ptr<const Certificate> parse(std::string_view chain_text, std::string_view key_text,
                                           int64_t now) {
    ERR_clear_error();
    if (!take_contents(chain_text, key_text)) return nullptr;
    Certificate& made = *certificate_;
    check_chain(made.chain_, made.key_, made.chain_path_, problems_);
    // Where the first may not be the server's own, the rest would be said of another.
    if (has_error(problems_, before_)) return nullptr;
    check_key();
    check_for_clients(made.chain_, made.chain_path_, now, problems_);
    if (has_error(problems_, before_)) return nullptr;
    describe();
    return std::move(certificate_);
  }

 private:
  bool take_contents(std::string_view chain_text, std::string_view key_text) {
    Certificate& made = *certificate_;
    const CertificateContents contents(chain_text, made.chain_path_, key_text, made.key_path_,
                                       problems_);
    made.chain_ = contents.take_chain();
    made.key_ = contents.take_key();
    return !has_error(problems_, before_);
  }

  void check_key();
  void describe();

  std::shared_ptr<Certificate> certificate_;
  CertificateProblems& problems_;
  const size_t before_;  // how many problems there were
};

void CertificateLoading::check_key() {
  const std::vector<X509*>& chain = certificate_->chain_;
  EVP_PKEY* const key = certificate_->key_;
  const auto owner = std::ranges::find_if(chain, [key](X509* one) {
    EVP_PKEY* const own = X509_get0_pubkey(one);
    return own != nullptr && EVP_PKEY_eq(own, key) == 1;
  });
  ERR_clear_error();
  if (owner == chain.begin()) {
    if (signs_for(key, X509_get0_pubkey(chain.front()))) return;
    problems_.push_back({CertificateFlaw::damaged, true,
                         certificate_->key_path_ +
                             ": the private key is damaged: what it signs does not verify with its "
                             "own public half. Take it from a backup, or make a new one"});
    return;
  }
  const std::string whose =
      owner == chain.end()
          ? "is not the key of " + describe_member(chain, 0)
          : "is the key of " + describe_member(chain, static_cast<size_t>(owner - chain.begin())) +
                ", not of the first one (" + quoted_subject(chain.front()) + ")";
  const EVP_PKEY* const wanted = X509_get0_pubkey(chain.front());
  problems_.push_back({CertificateFlaw::mismatch, true,
                       certificate_->key_path_ + ": " + whose + " in " + certificate_->chain_path_ +
                           ": it is " + describe_key(key) + ", the certificate's " +
                           (wanted != nullptr ? describe_key(wanted) : "unreadable") +
                           ". Give the key that the certificate was asked for with"});
}

void CertificateLoading::describe() {
  Certificate& made = *certificate_;
  X509* const leaf = made.chain_.front();
  made.intermediates_.assign(made.chain_.begin() + 1,
                             made.chain_.end() - (ends_with_root(made.chain_) ? 1 : 0));
  AlternativeNames names = alternative_names_of(leaf);
  made.names_ = std::move(names.names);
  made.addresses_ = std::move(names.addresses);
  if (!names.present) {
    if (std::string name = common_name_of(leaf); !name.empty())
      made.names_.push_back(std::move(name));
  }
  made.kind_ = kind_of(made.key_);
  const Validity validity = validity_of(made.chain_);
  made.not_before_ = validity.not_before;
  made.not_after_ = validity.not_after;
  made.digest_ = digest_of(made.chain_, made.key_);
  made.subject_ = text_of_name(X509_get_subject_name(leaf));
  made.issuer_ = text_of_name(X509_get_issuer_name(leaf));
}

Certificate::~Certificate() {
  for (X509* one : chain_) X509_free(one);
  EVP_PKEY_free(key_);
}

std::shared_ptr<const Certificate> Certificate::load(const std::string& chain_path,
                                                     const std::string& key_path, int64_t now,
                                                     CertificateProblems& problems) {
  CertificateTexts texts;
  if (!read_certificate_files(chain_path, key_path, texts, problems)) return nullptr;
  return parse(texts.chain, chain_path, texts.key, key_path, now, problems);
}

std::shared_ptr<const Certificate> Certificate::parse(std::string_view chain_text,
                                                      const std::string& chain_path,
                                                      std::string_view key_text,
                                                      const std::string& key_path, int64_t now,
                                                      CertificateProblems& problems) {
  return CertificateLoading(chain_path, key_path, problems).parse(chain_text, key_text, now);
}

}  // namespace sluice::tls
