// A table of what people put where a certificate or a key belongs.
#include "tls/certificate_contents.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <memory>

#include "tls/certificate.h"
#include "tls/error_text.h"
#include "tls/openssl.h"

namespace sluice::tls {

namespace {

// What to say of a file that holds `content` in place of what is wanted. FILE in `text` becomes the
// path.
struct Mistake {
  Content content;
  CertificateFlaw flaw;
  std::string_view text;
};

constexpr std::array kDerMistakes = {
    Mistake{Content::pkcs12, CertificateFlaw::pkcs12,
            "is a PKCS#12 file, where PEM was expected: take it apart with `openssl pkcs12 -in "
            "FILE -nokeys -out chain.pem` and `openssl pkcs12 -in FILE -nocerts -noenc -out "
            "key.pem`"},
    Mistake{Content::certificate, CertificateFlaw::der,
            "is a certificate in DER, where PEM was expected: `openssl x509 -inform DER -in FILE "
            "-out chain.pem`"},
    Mistake{Content::private_key, CertificateFlaw::der,
            "is a private key in DER, where PEM was expected: `openssl pkey -inform DER -in FILE "
            "-out key.pem`"},
    Mistake{Content::encrypted_key, CertificateFlaw::der,
            "is an encrypted private key in DER, where PEM was expected: `openssl pkey -inform DER "
            "-in FILE -out key.pem` asks for its passphrase"},
    Mistake{Content::pkcs7, CertificateFlaw::der,
            "is a PKCS#7 file in DER, where PEM was expected: `openssl pkcs7 -inform DER -in FILE "
            "-print_certs -out chain.pem`"},
    Mistake{Content::request, CertificateFlaw::der,
            "is a certificate request in DER: send it to an authority, which makes the certificate "
            "of it"},
    Mistake{Content::public_key, CertificateFlaw::der, "is a public key in DER"},
};

constexpr std::array kPemMistakes = {
    Mistake{Content::request, CertificateFlaw::no_certificate,
            "is a certificate request: send it to an authority, which makes the certificate of it"},
    Mistake{Content::pkcs7, CertificateFlaw::no_certificate,
            "is a PKCS#7 file: `openssl pkcs7 -in FILE -print_certs -out chain.pem`"},
    Mistake{Content::trusted_certificate, CertificateFlaw::no_certificate,
            "is a certificate in OpenSSL's own form: `openssl x509 -in FILE -out chain.pem`"},
    Mistake{Content::ssh_key, CertificateFlaw::no_key,
            "is a key in OpenSSH's own form, which TLS has no use for: make another, with `openssl "
            "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem`"},
    Mistake{Content::public_key, CertificateFlaw::no_key,
            "is a public key: the private one is in the file that it was made from"},
    Mistake{Content::private_key, CertificateFlaw::no_certificate, "is a private key"},
    Mistake{Content::encrypted_key, CertificateFlaw::no_certificate,
            "is a private key, and encrypted"},
    Mistake{Content::certificate, CertificateFlaw::no_key, "is a certificate"},
};

std::string with_path(std::string_view text, const std::string& path) {
  std::string result(text);
  constexpr std::string_view kFile = "FILE";
  for (size_t at = 0; (at = result.find(kFile, at)) != std::string::npos;) {
    const std::string word = shell_word(path);
    result.replace(at, kFile.size(), word);
    at += word.size();
  }
  return result;
}

X509* read_certificate(const std::string& der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* const end = at + der.size();
  X509Pointer certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  return certificate && at == end ? certificate.release() : nullptr;
}

struct FreeKeyInfo {
  void operator()(PKCS8_PRIV_KEY_INFO* info) const noexcept { PKCS8_PRIV_KEY_INFO_free(info); }
};

// By its label, so that no decoder has to guess.
EVP_PKEY* read_key(const PemBlock& block) {
  const auto* at = reinterpret_cast<const unsigned char*>(block.der.data());
  const auto size = static_cast<long>(block.der.size());
  if (block.label == "RSA PRIVATE KEY") return d2i_PrivateKey(EVP_PKEY_RSA, nullptr, &at, size);
  if (block.label == "EC PRIVATE KEY") return d2i_PrivateKey(EVP_PKEY_EC, nullptr, &at, size);
  if (block.label == "DSA PRIVATE KEY") return d2i_PrivateKey(EVP_PKEY_DSA, nullptr, &at, size);
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, FreeKeyInfo> info(
      d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, size));
  return info ? EVP_PKCS82PKEY(info.get()) : nullptr;
}

}  // namespace

CertificateContents::CertificateContents(std::string_view chain_text, const std::string& chain_path,
                                         std::string_view key_text, const std::string& key_path,
                                         CertificateProblems& problems)
    : problems_(problems),
      chain_{chain_text, chain_path, read_pem(chain_text)},
      key_{key_text, key_path, read_pem(key_text)} {
  if (is_swapped()) {
    problems_.push_back({CertificateFlaw::swapped, true,
                         chain_path + " holds the private key, and " + key_path +
                             " the certificates: give each in the other's place"});
    return;
  }
  check_chain_file();
  // One file for both is explained once.
  if (chain_path == key_path && chain_.pem.blocks.empty()) return;
  check_key_file();
}

void CertificateContents::add(CertificateFlaw flaw, const File& file,
                              const std::string& text) const {
  problems_.push_back({flaw, true, file.path + ": " + text});
}

bool CertificateContents::is_swapped() const {
  const auto keys = [](const PemText& pem) {
    return pem.count(Content::private_key) + pem.count(Content::encrypted_key);
  };
  return chain_.pem.count(Content::certificate) == 0 && keys(chain_.pem) > 0 &&
         key_.pem.count(Content::certificate) > 0 && keys(key_.pem) == 0;
}

bool CertificateContents::explain_damage(const File& file) const {
  if (file.pem.damage.empty()) return false;
  add(CertificateFlaw::damaged, file, file.pem.damage);
  return true;
}

void CertificateContents::explain_missing(const File& file, bool key_wanted) const {
  const CertificateFlaw flaw =
      key_wanted ? CertificateFlaw::no_key : CertificateFlaw::no_certificate;
  const std::string wanted = key_wanted ? "a PRIVATE KEY" : "a CERTIFICATE";
  if (file.pem.blocks.empty()) {
    const Content found = recognise_der(file.text);
    for (const Mistake& mistake : kDerMistakes)
      if (mistake.content == found)
        return add(mistake.flaw, file, with_path(mistake.text, file.path));
    return add(flaw, file,
               "is no PEM file: a line \"-----BEGIN ...\" with " + wanted + " was expected");
  }
  for (const Mistake& mistake : kPemMistakes)
    if (file.pem.count(mistake.content) > 0)
      return add(flaw, file,
                 with_path(mistake.text, file.path) + "; " + wanted + " block was expected");
  add(flaw, file, "holds no " + wanted.substr(2) + " block");
}

void CertificateContents::check_chain_file() const {
  if (explain_damage(chain_)) return;
  const size_t count = chain_.pem.count(Content::certificate);
  if (count == 0) {
    explain_missing(chain_, false);
  } else if (count > kChainLength) {
    add(CertificateFlaw::chain_too_long, chain_,
        "holds " + std::to_string(count) + " certificates, more than " +
            std::to_string(kChainLength) +
            ": is it a bundle of authorities? The server's own was expected, with those that lead "
            "from it to a root");
  }
}

void CertificateContents::check_key_file() const {
  if (chain_.path != key_.path && explain_damage(key_)) return;
  const size_t keys = key_.pem.count(Content::private_key);
  if (key_.pem.count(Content::encrypted_key) > 0) {
    add(CertificateFlaw::encrypted_key, key_,
        with_path("the private key is encrypted, and a server cannot ask for its passphrase: "
                  "`openssl pkey -in FILE -out key.pem` decrypts it (then `chmod 600 key.pem`)",
                  key_.path));
  } else if (keys > 1) {
    add(CertificateFlaw::several_keys, key_,
        "holds " + std::to_string(keys) + " private keys: leave the certificate's own");
  } else if (keys == 0 && key_.pem.damage.empty()) {
    explain_missing(key_, true);
  }
}

std::vector<X509*> CertificateContents::take_chain() const {
  std::vector<X509*> chain;
  if (chain_.pem.count(Content::certificate) > kChainLength) return chain;
  for (const PemBlock& block : chain_.pem.blocks) {
    if (block.content != Content::certificate) continue;
    X509* const certificate = read_certificate(block.der);
    if (certificate != nullptr) {
      chain.push_back(certificate);
      continue;
    }
    add(CertificateFlaw::damaged, chain_,
        "certificate " + std::to_string(chain.size() + 1) + " cannot be read (" +
            take_error_text() + ")");
    return chain;
  }
  return chain;
}

EVP_PKEY* CertificateContents::take_key() const {
  const auto block = std::ranges::find(key_.pem.blocks, Content::private_key, &PemBlock::content);
  if (block == key_.pem.blocks.end()) return nullptr;
  EVP_PKEY* const key = read_key(*block);
  if (key == nullptr)
    add(CertificateFlaw::damaged, key_,
        "the private key cannot be read (" + take_error_text() + ")");
  ERR_clear_error();
  return key;
}

}  // namespace sluice::tls
