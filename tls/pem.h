// PEM (RFC 7468): text around octets, in which people mix up files. What a file holds is found out
// before anything is asked of it, and nothing here can ask for a passphrase: blocks are taken out
// of their armour, never decrypted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::tls {

// What lies in a block, or in a file that is no text.
enum class Content : uint8_t {
  certificate,
  trusted_certificate,  // OpenSSL's own form, with what it is trusted for
  private_key,
  encrypted_key,
  public_key,
  request,  // PKCS#10
  pkcs7,
  pkcs12,
  ssh_key,
  other,
};

struct PemBlock {
  Content content;
  std::string label;  // "RSA PRIVATE KEY"
  std::string der;
};

struct PemText {
  PemText() = default;
  PemText(PemText&&) = default;
  PemText& operator=(PemText&&) = delete;
  ~PemText();  // overwrites what it held: there are keys among it

  [[nodiscard]] size_t count(Content content) const;

  std::vector<PemBlock> blocks;
  std::string damage;  // why a block could not be read; those before it are there
};

[[nodiscard]] PemText read_pem(std::string_view text);

// What the octets of a file are that is no PEM; `other` also for plain text.
[[nodiscard]] Content recognise_der(std::string_view octets);

}  // namespace sluice::tls
