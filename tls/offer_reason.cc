// OpenSSL says "no shared cipher" of most of this, so that the offer is compared here once more,
// part by part: first what rules out most.
#include "tls/offer_reason.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

#include "tls/certificate.h"
#include "tls/identity.h"
#include "tls/listener_context.h"
#include "tls/policy.h"
#include "tls/registry.h"

namespace sluice::tls {

namespace {

using Policy = conf::Tls::Policy;
using CodePoints = std::vector<uint16_t>;
constexpr size_t kShown = 3;  // of a list; the rest is counted

// What `legacy` takes besides the suites of `intermediate` (tls/policy.cc).
constexpr std::array<uint16_t, 14> kOnlyLegacy = {0xc023, 0xc027, 0xc009, 0xc013, 0xc024,
                                                  0xc028, 0xc00a, 0xc014, 0x009c, 0x009d,
                                                  0x003c, 0x003d, 0x002f, 0x0035};
// P-256, P-384, X25519; X25519MLKEM768 where OpenSSL has it, so that a client that offers nothing
// else cannot be helped by words about it.
constexpr std::array<uint16_t, 3> kGroups = {23, 24, 29};

bool contains(std::span<const uint16_t> values, uint16_t value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

template <typename Name>
std::string list_text(const CodePoints& values, Name name) {
  std::string text;
  for (size_t i = 0; i < std::min(values.size(), kShown); ++i)
    text += (i > 0 ? ", " : "") + name(values[i]);
  if (values.size() > kShown) text += " and " + std::to_string(values.size() - kShown) + " more";
  return text;
}

CodePoints without_grease(const CodePoints& values) {
  CodePoints real;
  std::copy_if(values.begin(), values.end(), std::back_inserter(real),
               [](uint16_t value) { return !is_grease(value); });
  return real;
}

bool speaks_tls13(const ClientHello& hello) { return contains(hello.versions, kTls13); }

// --- Versions ------------------------------------------------------------------------------------

// "TLS 1.2 or newer"; for operators a policy is a word of the configuration.
std::string takes_text(Policy policy) {
  const auto oldest = static_cast<uint16_t>(oldest_version(policy));
  return "policy \"" + std::string(conf::policy_name(policy)) + "\" takes " + version_name(oldest) +
         (oldest == kTls13 ? "" : " or newer");
}

std::string version_advice(uint16_t newest, Policy policy) {
  if (newest == kTls12) return "; \"intermediate\" would take it";
  const bool helps = policy != Policy::legacy && newest >= oldest_version(Policy::legacy);
  return helps ? "; \"legacy\" would take it" : "";
}

std::string offered_versions(const ClientHello& hello, uint16_t newest) {
  if (!hello.versions.empty())
    return "only " + list_text(without_grease(hello.versions), version_name);
  return "only " + version_name(newest) + (newest > 0x0301 ? " or older" : "");
}

// --- Suites --------------------------------------------------------------------------------------

// Those of the version that both would speak. 0x00ff and 0x5600 are signals (RFC 5746, RFC 7507).
CodePoints offered_suites(const ClientHello& hello) {
  const bool tls13 = speaks_tls13(hello);
  CodePoints suites;
  for (const uint16_t suite : hello.suites) {
    const bool of_tls13 = suite >> 8U == 0x13;
    if (!is_grease(suite) && of_tls13 == tls13 && suite != 0x00ff && suite != 0x5600)
      suites.push_back(suite);
  }
  return suites;
}

// What the identity's context takes in the client's newest version.
CodePoints taken_suites(const Choice& choice, uint16_t version) {
  CodePoints suites;
  const SSL_CTX* const context = choice.identity->context();
  if (context == nullptr) return suites;
  const STACK_OF(SSL_CIPHER)* const ciphers = SSL_CTX_get_ciphers(context);
  for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    const SSL_CIPHER* const cipher = sk_SSL_CIPHER_value(ciphers, i);
    const bool newer = std::string_view(SSL_CIPHER_get_version(cipher)) == "TLSv1.2";
    if (version >= kTls12 || !newer) suites.push_back(SSL_CIPHER_get_protocol_id(cipher));
  }
  return suites;
}

bool is_broken(std::string_view suite) {
  constexpr std::array<std::string_view, 6> kBroken = {"RC4",  "DES_", "DES40",
                                                       "NULL", "anon", "EXPORT"};
  return std::any_of(kBroken.begin(), kBroken.end(),
                     [suite](std::string_view part) { return has(suite, part); });
}

// What such suites are called where they are known to be old.
std::string_view family_of(uint16_t suite) {
  const std::string_view name = known_suite(suite);
  if (is_broken(name)) return "RC4, DES or no encryption";
  switch (key_exchange_of(suite)) {
    case KeyExchange::rsa:
      return "RSA key transport";
    case KeyExchange::dhe:
      return "DHE over finite fields";
    case KeyExchange::psk:
      return "pre-shared keys";
    case KeyExchange::ecdhe:
      return has(name, "_CBC_") ? "CBC" : "";
    default:
      return "";
  }
}

// "only CBC and RSA key transport", where that is all there is.
std::string families_text(const CodePoints& suites) {
  std::vector<std::string_view> families;
  for (const uint16_t suite : suites) {
    const std::string_view family = family_of(suite);
    if (family.empty()) return {};
    if (std::find(families.begin(), families.end(), family) == families.end())
      families.push_back(family);
  }
  std::string text;
  for (size_t i = 0; i < families.size(); ++i) {
    if (i > 0) text += i + 1 == families.size() ? " and " : ", ";
    text += families[i];
  }
  return text.empty() ? text : "only " + text;
}

bool is_for(uint16_t suite, KeyKind kind) {
  const std::string_view name = known_suite(suite);
  return kind == KeyKind::rsa ? has(name, "_RSA_") : has(name, "_ECDSA_");
}

bool is_for_ours(uint16_t suite, const Choice& choice) {
  const Identity::Certificates& ours = choice.identity->certificates();
  return suite >> 8U == 0x13 || std::any_of(ours.begin(), ours.end(), [suite](const auto& one) {
           return is_for(suite, one->kind());
         });
}

std::string suite_advice(const CodePoints& suites, Policy policy, const Choice& choice) {
  if (policy == Policy::legacy) return {};
  bool some = false;
  for (const uint16_t suite : suites) {
    if (!contains(kOnlyLegacy, suite)) continue;
    if (is_for_ours(suite, choice)) return "; policy \"legacy\" would take it";
    some = true;
  }
  return some ? "; policy \"legacy\" and an RSA certificate would take it" : "";
}

HandshakeFailure no_suite(const CodePoints& suites, Policy policy, const Choice& choice) {
  if (suites.empty()) return {"no_shared_suite", "client offers no cipher suite for its version"};
  std::string what = families_text(suites);
  const std::string names = list_text(suites, suite_name);
  what = what.empty() ? names : what + " (" + names + ")";
  return {"no_shared_suite", "no cipher suite in common: client offers " + what +
                                 suite_advice(suites, policy, choice)};
}

// --- Kinds of certificates -----------------------------------------------------------------------

// RFC 8446 section 4.2.3; PKCS #1 signs no handshake of TLS 1.3.
bool is_scheme_for(uint16_t scheme, KeyKind kind, bool tls13) {
  constexpr std::array<uint16_t, 3> kPss = {0x0804, 0x0805, 0x0806};
  constexpr std::array<uint16_t, 3> kPkcs1 = {0x0401, 0x0501, 0x0601};
  constexpr std::array<uint16_t, 3> kEcdsa = {0x0403, 0x0503, 0x0603};
  switch (kind) {
    case KeyKind::rsa:
      return contains(kPss, scheme) || (!tls13 && contains(kPkcs1, scheme));
    case KeyKind::ecdsa:
      return contains(kEcdsa, scheme);
    case KeyKind::ed25519:
      return scheme == 0x0807;
  }
  return false;
}

std::string_view kind_text(KeyKind kind) {
  switch (kind) {
    case KeyKind::rsa:
      return "RSA";
    case KeyKind::ecdsa:
      return "ECDSA";
    case KeyKind::ed25519:
      return "Ed25519";
  }
  return "";
}

std::string kinds_text(const Choice& choice) {
  std::string text;
  for (const auto& one : choice.identity->certificates())
    text += (text.empty() ? "" : " and ") + std::string(kind_text(one->kind()));
  return text;
}

bool takes_kind(const ClientHello& hello, KeyKind kind) {
  return std::any_of(
      hello.signature_schemes.begin(), hello.signature_schemes.end(),
      [&](uint16_t scheme) { return is_scheme_for(scheme, kind, speaks_tls13(hello)); });
}

bool takes_ours(const ClientHello& hello, const Choice& choice) {
  const Identity::Certificates& ours = choice.identity->certificates();
  return hello.signature_schemes.empty() ||
         std::any_of(ours.begin(), ours.end(),
                     [&](const auto& one) { return takes_kind(hello, one->kind()); });
}

HandshakeFailure other_kind(std::string_view wanted, const Choice& choice) {
  const std::string name(wanted);
  return {"no_certificate_of_kind", "client takes only " + name + " certificates, and ours is " +
                                        kinds_text(choice) + ": add an " + name +
                                        " certificate beside it"};
}

HandshakeFailure no_scheme(const ClientHello& hello, const Choice& choice) {
  const bool rsa = takes_kind(hello, KeyKind::rsa), ecdsa = takes_kind(hello, KeyKind::ecdsa);
  if (rsa != ecdsa) return other_kind(kind_text(rsa ? KeyKind::rsa : KeyKind::ecdsa), choice);
  return {"no_signature_scheme",
          "no signature scheme in common for our " + kinds_text(choice) +
              " certificate: client offers " +
              list_text(without_grease(hello.signature_schemes), signature_scheme_name)};
}

bool has_group_in_common(const ClientHello& hello) {
  return std::any_of(kGroups.begin(), kGroups.end(),
                     [&](uint16_t group) { return contains(hello.groups, group); });
}

}  // namespace

std::string quoted_text(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  constexpr size_t kMost = 64;
  std::string quoted = "\"";
  for (const char c : text.substr(0, kMost)) {
    const auto octet = static_cast<unsigned char>(c);
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
      quoted += c;
      continue;
    }
    quoted += "\\x";
    quoted += kDigits[octet >> 4U];
    quoted += kDigits[octet & 15U];
  }
  return quoted + (text.size() > kMost ? "\"..." : "\"");
}

std::optional<HandshakeFailure> reason_of_versions(const ClientHello& hello, Policy policy) {
  const uint16_t newest = hello.newest_version();
  const CodePoints& listed = hello.versions;
  const int oldest = oldest_version(policy);
  const bool common = listed.empty()
                          ? newest >= oldest && oldest < kTls13
                          : std::any_of(listed.begin(), listed.end(), [oldest](uint16_t version) {
                              return version >= oldest && version <= kTls13;
                            });
  if (common) return std::nullopt;
  // Without supported_versions nothing beyond TLS 1.2 is spoken, whatever number is named.
  const uint16_t spoken = listed.empty() ? std::min(newest, kTls12) : newest;
  const bool unknown = spoken > kTls13;
  return HandshakeFailure{unknown ? "unknown_version" : "old_version",
                          "client offers " + offered_versions(hello, spoken) + "; " +
                              takes_text(policy) + (unknown ? "" : version_advice(spoken, policy))};
}

HandshakeFailure reason_of_algorithms(const ClientHello& hello, Policy policy,
                                      const Choice& choice) {
  const bool tls13 = speaks_tls13(hello);
  const CodePoints suites = offered_suites(hello);
  const CodePoints taken = taken_suites(choice, tls13 ? kTls13 : hello.newest_version());
  CodePoints common;
  std::copy_if(suites.begin(), suites.end(), std::back_inserter(common),
               [&](uint16_t suite) { return contains(taken, suite); });
  if (common.empty()) return no_suite(suites, policy, choice);
  if (std::none_of(common.begin(), common.end(),
                   [&](uint16_t suite) { return is_for_ours(suite, choice); }))
    return other_kind(is_for(common.front(), KeyKind::rsa) ? "RSA" : "ECDSA", choice);
  if ((tls13 || !hello.groups.empty()) && !has_group_in_common(hello)) {
    const CodePoints groups = without_grease(hello.groups);
    return {"no_shared_group", groups.empty() ? "client offers no group"
                                              : "no group in common: client offers " +
                                                    list_text(groups, group_name) +
                                                    "; we take X25519, secp256r1 and secp384r1"};
  }
  if (!takes_ours(hello, choice)) return no_scheme(hello, choice);
  return {"no_shared_algorithms",
          "no suite, group and signature scheme of the client go together with our " +
              kinds_text(choice) + " certificate"};
}

HandshakeFailure reason_of_protocols(const ClientHello& hello) {
  std::string names;
  for (size_t i = 0; i < std::min(hello.alpn.size(), kShown); ++i)
    names += (i > 0 ? ", " : "") + quoted_text(hello.alpn[i]);
  if (hello.alpn.size() > kShown)
    names += " and " + std::to_string(hello.alpn.size() - kShown) + " more";
  return {"no_shared_protocol", "client offers by ALPN only what is not spoken here: " + names};
}

}  // namespace sluice::tls
