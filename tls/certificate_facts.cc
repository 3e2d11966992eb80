// OpenSSL's answers, one by one. Names are checked for their form here, so that whoever gets them
// need not think of octets that only look like a name (NUL, "a.example,DNS:b.example").
#include "tls/certificate_facts.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <string_view>

#include "tls/openssl.h"

namespace sluice::tls {

namespace {

constexpr size_t kSubjectInMessages = 200;
constexpr size_t kNameSize = 253;  // RFC 1035 section 3.1, as text
constexpr size_t kLabelSize = 63;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char octet) {
    return octet >= 'A' && octet <= 'Z' ? static_cast<char>(octet + ('a' - 'A')) : octet;
  });
  return text;
}

std::string_view octets_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<size_t>(ASN1_STRING_length(string))};
}

std::string escaped(std::string_view octets) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  for (const char octet : octets.substr(0, kSubjectInMessages)) {
    if (octet > ' ' && octet < 0x7f && octet != '\\') {
      text += octet;
      continue;
    }
    const auto value = static_cast<unsigned char>(octet);
    text += "\\x";
    text += kHex[value >> 4U];
    text += kHex[value & 15U];
  }
  return text;
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLabelSize && std::ranges::all_of(label, [](char octet) {
    return (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') ||
           (octet >= 'A' && octet <= 'Z') || octet == '-' || octet == '_';
  });
}

// Empty unless there are 4 or 16 octets (RFC 5280 section 4.2.1.6).
std::string text_of_address(std::string_view octets) {
  const int family = octets.size() == 4 ? AF_INET : AF_INET6;
  std::array<char, INET6_ADDRSTRLEN> room{};
  if (octets.size() != 4 && octets.size() != 16) return {};
  if (inet_ntop(family, octets.data(), room.data(), room.size()) == nullptr) return {};
  return room.data();
}

void add_name(const GENERAL_NAME* name, AlternativeNames& into) {
  if (name->type == GEN_DNS) {
    std::string text(octets_of(name->d.dNSName));
    if (is_dns_name(text)) {
      into.names.push_back(lower(std::move(text)));
    } else {
      into.odd.push_back(escaped(text));
    }
  } else if (name->type == GEN_IPADD) {
    const std::string_view octets = octets_of(name->d.iPAddress);
    std::string text = text_of_address(octets);
    (text.empty() ? into.odd : into.addresses).push_back(text.empty() ? escaped(octets) : text);
  }
}

struct FreeGeneralNames {
  void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
};

}  // namespace

std::string text_of_name(const X509_NAME* name) {
  const BioPointer bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0) return "(no name)";
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : "(no name)";
}

std::string quoted_subject(const X509* certificate) {
  std::string text = text_of_name(X509_get_subject_name(certificate));
  if (text.size() > kSubjectInMessages) text.replace(kSubjectInMessages, std::string::npos, "...");
  return '"' + text + '"';
}

int64_t seconds_of(const ASN1_TIME* time, int64_t unreadable) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) {
    ERR_clear_error();
    return unreadable;
  }
  return ::timegm(&parts);
}

std::string text_of_time(int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  std::array<char, 64> room{};
  if (::gmtime_r(&time, &parts) == nullptr) return "an unreadable time";
  return {room.data(), std::strftime(room.data(), room.size(), "%Y-%m-%d %H:%M:%S UTC", &parts)};
}

AlternativeNames alternative_names_of(const X509* certificate) {
  AlternativeNames result;
  result.present = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1) >= 0;
  const std::unique_ptr<GENERAL_NAMES, FreeGeneralNames> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  ERR_clear_error();
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i)
    add_name(sk_GENERAL_NAME_value(names.get(), i), result);
  return result;
}

std::string common_name_of(const X509* certificate) {
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  int last = -1;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) last = at;
  if (last < 0) return {};
  const X509_NAME_ENTRY* const entry = X509_NAME_get_entry(subject, last);
  std::string name(octets_of(X509_NAME_ENTRY_get_data(entry)));
  return is_dns_name(name) ? lower(std::move(name)) : std::string();
}

bool is_dns_name(const std::string& name) {
  if (name.empty() || name.size() > kNameSize) return false;
  std::string_view rest = name;
  if (rest.starts_with("*.")) rest.remove_prefix(2);
  while (true) {
    const size_t dot = rest.find('.');
    if (!is_label(rest.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    rest.remove_prefix(dot + 1);
  }
}

std::string curve_of(const EVP_PKEY* key) {
  std::array<char, 80> room{};
  size_t size = 0;
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
      EVP_PKEY_get_group_name(key, room.data(), room.size(), &size) != 1) {
    ERR_clear_error();
    return {};
  }
  return {room.data(), size};
}

std::string describe_key(const EVP_PKEY* key) {
  const int kind = EVP_PKEY_get_base_id(key);
  const std::string bits = ", " + std::to_string(EVP_PKEY_get_bits(key)) + " bits";
  if (kind == EVP_PKEY_RSA) return "RSA" + bits;
  if (kind == EVP_PKEY_RSA_PSS) return "RSA for PSS only" + bits;
  if (kind == EVP_PKEY_EC) {
    const std::string curve = curve_of(key);
    const char* const name = EC_curve_nid2nist(OBJ_txt2nid(curve.c_str()));
    return "ECDSA, " + (name != nullptr ? std::string(name)
                        : curve.empty() ? "a curve without a name"
                                        : curve);
  }
  const char* const name = OBJ_nid2ln(kind);
  return name != nullptr ? name : "of an unknown kind";
}

std::string weak_digest_of(X509* certificate) {
  int digest = NID_undef;
  if (X509_get_signature_info(certificate, &digest, nullptr, nullptr, nullptr) != 1) {
    ERR_clear_error();
    return {};
  }
  constexpr std::array kWeak = {NID_md2, NID_md4, NID_md5, NID_sha1, NID_md5_sha1, NID_ripemd160};
  return std::ranges::find(kWeak, digest) == kWeak.end() ? "" : OBJ_nid2sn(digest);
}

bool issues(X509* issuer, X509* certificate) {
  if (X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_issuer_name(certificate)) != 0)
    return false;
  EVP_PKEY* const key = X509_get0_pubkey(issuer);
  const bool signed_by_it = key != nullptr && X509_verify(certificate, key) == 1;
  ERR_clear_error();
  return signed_by_it;
}

bool is_self_signed(X509* certificate) { return issues(certificate, certificate); }

}  // namespace sluice::tls
