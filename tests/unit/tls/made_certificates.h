// Certificates and keys for tests, made when they are needed so that none ever expires:
// authorities, intermediates and servers' own, of any name, validity and kind, right or wrong in
// one point.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::tls {

enum class MadeKey : uint8_t {
  p256,
  p384,
  p521,
  secp256k1,  // a curve that no browser takes
  rsa_2048,
  rsa_1024,
  ed25519,
  ed448,
};

// What a certificate is to say. As it stands: a server's, valid from an hour ago for 90 days.
struct CertificateWish {
  std::string common_name = "localhost";
  std::vector<std::string> names = {};      // subjectAltName, with...
  std::vector<std::string> addresses = {};  // ... these; none at all without both
  MadeKey key = MadeKey::p256;
  int64_t not_before = 0;  // seconds since 1970; 0: an hour ago
  int64_t not_after = 0;   // likewise; 0: in 90 days
  bool authority = false;  // basicConstraints CA:TRUE, keyUsage for it, no extendedKeyUsage
  std::string extended_usage = "serverAuth";  // as OpenSSL's configuration writes it; empty: none
  std::string usage = "critical,digitalSignature";
  std::string issuer_place = {};  // authorityInfoAccess: a URL of the issuer's certificate
  std::string digest = "SHA256";  // of its signature (not for Ed25519 and Ed448)
};

// A certificate with its key; a copy is the same one.
class MadeCertificate {
 public:
  // Signed by `issuer`, or by itself without. Aborts where OpenSSL cannot do it.
  explicit MadeCertificate(const CertificateWish& wish, const MadeCertificate* issuer = nullptr);

  [[nodiscard]] std::string pem() const;
  [[nodiscard]] std::string key_pem() const;  // PKCS#8: "BEGIN PRIVATE KEY"
  // As OpenSSL wrote it in former times: "BEGIN RSA PRIVATE KEY" or "BEGIN EC PRIVATE KEY".
  [[nodiscard]] std::string traditional_key_pem() const;
  [[nodiscard]] std::string encrypted_key_pem(std::string_view passphrase) const;
  [[nodiscard]] std::string encrypted_traditional_key_pem(std::string_view passphrase) const;
  [[nodiscard]] std::string public_key_pem() const;
  [[nodiscard]] std::string request_pem() const;  // PKCS#10
  [[nodiscard]] std::string der() const;
  [[nodiscard]] std::string key_der() const;
  [[nodiscard]] std::string pkcs12(std::string_view passphrase) const;
  // SHA-256 of the public key's SubjectPublicKeyInfo in base64, as Chromium's option
  // --ignore-certificate-errors-spki-list takes it.
  [[nodiscard]] std::string public_key_pin() const;

 private:
  struct Parts;
  std::shared_ptr<const Parts> parts_;
};

// A root, an authority below it, and a server's certificate from that one.
struct MadeChain {
  explicit MadeChain(const CertificateWish& leaf = {.names = {"localhost"}});

  // The server's and the intermediate's: what a server is given.
  [[nodiscard]] std::string pem() const { return leaf.pem() + intermediate.pem(); }

  MadeCertificate root;
  MadeCertificate intermediate;
  MadeCertificate leaf;
};

// A folder that ends with the object, with what was written into it.
class CertificateFolder {
 public:
  CertificateFolder();
  ~CertificateFolder();
  CertificateFolder(const CertificateFolder&) = delete;
  CertificateFolder& operator=(const CertificateFolder&) = delete;

  // Returns the absolute path of the file `name`, which holds `text` from now on.
  std::string write(std::string_view name, std::string_view text, unsigned mode = 0600) const;
  [[nodiscard]] std::string path(std::string_view name) const;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace sluice::tls
