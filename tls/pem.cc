// OpenSSL finds the blocks. It passes over what looks like none, so lines that begin a block and
// were spoilt (the commonest: a file without its last newline, with another appended) are looked
// for first.
#include "tls/pem.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <utility>

#include "tls/error_text.h"
#include "tls/openssl.h"

namespace sluice::tls {

namespace {

struct LabelledContent {
  std::string_view label;
  Content content;
};

constexpr std::array kLabels = {
    LabelledContent{"CERTIFICATE", Content::certificate},
    LabelledContent{"X509 CERTIFICATE", Content::certificate},
    LabelledContent{"TRUSTED CERTIFICATE", Content::trusted_certificate},
    LabelledContent{"PRIVATE KEY", Content::private_key},
    LabelledContent{"RSA PRIVATE KEY", Content::private_key},
    LabelledContent{"EC PRIVATE KEY", Content::private_key},
    LabelledContent{"DSA PRIVATE KEY", Content::private_key},
    LabelledContent{"ENCRYPTED PRIVATE KEY", Content::encrypted_key},
    LabelledContent{"PUBLIC KEY", Content::public_key},
    LabelledContent{"RSA PUBLIC KEY", Content::public_key},
    LabelledContent{"CERTIFICATE REQUEST", Content::request},
    LabelledContent{"NEW CERTIFICATE REQUEST", Content::request},
    LabelledContent{"PKCS7", Content::pkcs7},
    LabelledContent{"CMS", Content::pkcs7},
    LabelledContent{"OPENSSH PRIVATE KEY", Content::ssh_key},
};

// `header`: the lines before the octets (RFC 1421), by which keys used to say that they are
// encrypted.
Content content_of(std::string_view label, std::string_view header) {
  const auto* const found = std::ranges::find(kLabels, label, &LabelledContent::label);
  if (found == kLabels.end()) return Content::other;
  const bool encrypted = header.find("ENCRYPTED") != std::string_view::npos;
  return encrypted && found->content == Content::private_key ? Content::encrypted_key
                                                             : found->content;
}

// What is wrong with a line that has "-----BEGIN" in it; empty when nothing is.
std::string complaint_of_begin(std::string_view line, size_t number) {
  const size_t end = line.find_last_not_of(" \t\r");
  line = line.substr(0, end + 1);
  const std::string where = "line " + std::to_string(number);
  if (!line.starts_with("-----BEGIN ")) {
    if (line.find("-----END") != std::string_view::npos)
      return where + " has an END and a BEGIN: each needs a line of its own";
    return where + " has something in front of -----BEGIN: it must start the line";
  }
  if (line.size() < 17 || !line.ends_with("-----"))
    return where + " should end with five dashes, as \"-----BEGIN CERTIFICATE-----\" does";
  return {};
}

std::string complaint_of_lines(std::string_view text) {
  size_t number = 1;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.find("-----BEGIN") != std::string_view::npos) {
      if (std::string complaint = complaint_of_begin(line, number); !complaint.empty())
        return complaint;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
  }
  return {};
}

// The next block's parts, as OpenSSL allocates them.
struct Parts {
  Parts() = default;
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() {
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<size_t>(std::max(size, 0L)));
  }

  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
};

// Takes one block; false at the end and where one cannot be read, which `damage` then says.
bool take_block(BIO* bio, PemText& into) {
  Parts parts;
  if (PEM_read_bio(bio, &parts.name, &parts.header, &parts.data, &parts.size) != 1) {
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const std::string reason = take_error_text();
    if (!at_end)
      into.damage =
          "block " + std::to_string(into.blocks.size() + 1) + " cannot be read (" + reason + ")";
    return false;
  }
  into.blocks.push_back(
      {content_of(parts.name, parts.header), parts.name,
       std::string(reinterpret_cast<const char*>(parts.data), static_cast<size_t>(parts.size))});
  return true;
}

// Whether `octets` are one whole value that `decode` reads.
template <typename T, typename Free>
bool is_whole(T* (*decode)(T**, const unsigned char**, long), Free free, std::string_view octets) {
  const auto* at = reinterpret_cast<const unsigned char*>(octets.data());
  T* const value = decode(nullptr, &at, static_cast<long>(octets.size()));
  ERR_clear_error();
  if (value == nullptr) return false;
  free(value);
  return true;
}

// Keys in the forms of former times (RFC 8017, RFC 5915).
template <int type>
EVP_PKEY* decode_key(EVP_PKEY** into, const unsigned char** at, long size) {
  return d2i_PrivateKey(type, into, at, size);
}

}  // namespace

PemText::~PemText() {
  for (PemBlock& block : blocks) OPENSSL_cleanse(block.der.data(), block.der.size());
}

size_t PemText::count(Content content) const {
  return static_cast<size_t>(std::ranges::count(blocks, content, &PemBlock::content));
}

PemText read_pem(std::string_view text) {
  PemText result;
  result.damage = complaint_of_lines(text);
  if (!result.damage.empty()) return result;
  const BioPointer bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  while (bio && take_block(bio.get(), result)) {
  }
  return result;
}

Content recognise_der(std::string_view octets) {
  if (octets.size() < 4 || octets[0] != 0x30) return Content::other;  // SEQUENCE
  if (is_whole(d2i_X509, X509_free, octets)) return Content::certificate;
  if (is_whole(d2i_PKCS12, PKCS12_free, octets)) return Content::pkcs12;
  if (is_whole(d2i_X509_REQ, X509_REQ_free, octets)) return Content::request;
  if (is_whole(d2i_PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free, octets) ||
      is_whole(decode_key<EVP_PKEY_RSA>, EVP_PKEY_free, octets) ||
      is_whole(decode_key<EVP_PKEY_EC>, EVP_PKEY_free, octets))
    return Content::private_key;
  if (is_whole(d2i_X509_SIG, X509_SIG_free, octets)) return Content::encrypted_key;
  if (is_whole(d2i_PUBKEY, EVP_PKEY_free, octets)) return Content::public_key;
  if (is_whole(d2i_PKCS7, PKCS7_free, octets)) return Content::pkcs7;
  return Content::other;
}

}  // namespace sluice::tls
