// One function for each kind of message, and for each kind of problem.
#include "server/ops/handshake_words.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "server/ops/counted.h"
#include "server/ops/printable.h"
#include "tls/registry.h"

namespace sluice::ops {
namespace {

using Lines = std::vector<std::string>;
using Kind = tls::VerificationProblem::Kind;
constexpr size_t kShown = 5;  // of a list; the rest is counted

std::string joined(const Lines& items, size_t shown) {
  std::string text;
  for (size_t i = 0; i < std::min(items.size(), shown); ++i)
    text += (i > 0 ? ", " : "") + printable(items[i]);
  if (items.size() > shown) text += " and " + std::to_string(items.size() - shown) + " more";
  return text;
}

// Names of code points, without those that mean nothing (RFC 8701).
template <typename Name>
std::string list_text(const std::vector<uint16_t>& values, Name name) {
  Lines names;
  for (const uint16_t value : values) {
    if (!tls::is_grease(value)) names.push_back(name(value));
  }
  return joined(names, kShown);
}

void add(Lines& lines, const std::string& what, const std::string& value) {
  if (!value.empty()) lines.push_back(what + ": " + value);
}

Lines details(const std::monostate&) { return {}; }

Lines details(const tls::ClientHello& hello) {
  Lines lines;
  add(lines, "versions",
      hello.versions.empty() ? tls::version_name(hello.legacy_version)
                             : list_text(hello.versions, tls::version_name));
  add(lines, "random", hex_text(hello.random));
  add(lines, "server name", hello.has_invalid_server_name ? "no host name" : hello.server_name);
  add(lines, "ALPN", joined(hello.alpn, kShown));
  add(lines, "suites", list_text(hello.suites, tls::suite_name));
  add(lines, "groups", list_text(hello.groups, tls::group_name));
  add(lines, "key shares", list_text(hello.key_share_groups, tls::group_name));
  add(lines, "signatures", list_text(hello.signature_schemes, tls::signature_scheme_name));
  if (hello.offers_psk || hello.offers_ticket) lines.emplace_back("offers a session to resume");
  return lines;
}

Lines details(const tls::ServerHello& hello) {
  Lines lines;
  add(lines, "version", tls::version_name(hello.version));
  add(lines, "suite", tls::suite_name(hello.suite));
  if (hello.is_retry_request) {
    if (hello.group != 0) add(lines, "asks for a key share of", tls::group_name(hello.group));
    return lines;
  }
  add(lines, "random", hex_text(hello.random));
  if (hello.group != 0) add(lines, "key share", tls::group_name(hello.group));
  add(lines, "ALPN", printable(hello.alpn));
  if (hello.accepts_psk) lines.emplace_back("resumes the session offered");
  return lines;
}

Lines details(const tls::EncryptedExtensions& extensions) {
  Lines lines;
  add(lines, "ALPN", printable(extensions.alpn));
  if (extensions.acknowledges_server_name) lines.emplace_back("knows the server name");
  if (extensions.accepts_early_data) lines.emplace_back("accepts early data");
  return lines;
}

std::string key_text(const tls::PeerCertificate& facts) {
  if (facts.key_kind.empty()) return "unreadable";
  return facts.key_kind + ", " + std::to_string(facts.key_bits) + " bits";
}

Lines details(const tls::CertificateChain& chain) {
  Lines lines;
  if (chain.total == 0) lines.emplace_back("none");
  for (size_t i = 0; i < chain.entries.size(); ++i) {
    const auto& facts = chain.entries[i].facts;
    const std::string number = std::to_string(i + 1) + ". ";
    if (!facts) {
      lines.push_back(number + "cannot be decoded");
      continue;
    }
    lines.push_back(number + printable(facts->subject));
    add(lines, "   issuer", facts->self_issued ? "itself" : printable(facts->issuer));
    add(lines, "   valid", date_text(facts->not_before) + " to " + date_text(facts->not_after));
    add(lines, "   key", key_text(*facts));
    add(lines, "   names", joined(facts->names, kShown));
  }
  const size_t rest = chain.total - chain.entries.size();
  if (rest > 0) lines.push_back("and " + std::to_string(rest) + " more");
  return lines;
}

Lines details(const tls::ServerKeyExchange& exchange) {
  Lines lines;
  if (exchange.group != 0) add(lines, "its half of ECDHE over", tls::group_name(exchange.group));
  if (exchange.prime_bits != 0)
    lines.push_back("its half of DHE, " + std::to_string(exchange.prime_bits) + " bits");
  if (exchange.signature_scheme != 0)
    add(lines, "signed with", tls::signature_scheme_name(exchange.signature_scheme));
  return lines;
}

Lines details(const tls::ClientKeyExchange& exchange) {
  const std::string size = octets_text(exchange.size);
  switch (exchange.kind) {
    case tls::KeyExchange::rsa:
      return {"the pre-master secret, encrypted with the certificate's RSA key: " + size};
    case tls::KeyExchange::ecdhe:
      return {"its half of ECDHE: a public key of " + size,
              "the pre-master secret follows from both halves; it is not sent"};
    case tls::KeyExchange::dhe:
      return {"its half of DHE: a public key of " + size,
              "the pre-master secret follows from both halves; it is not sent"};
    default:
      return {size};
  }
}

Lines details(const tls::CertificateRequest& request) {
  Lines lines = {"asks for a certificate of the client"};
  if (request.authorities > 0)
    lines.push_back("of " + std::to_string(request.authorities) + " authorities it names");
  add(lines, "signatures", list_text(request.signature_schemes, tls::signature_scheme_name));
  return lines;
}

Lines details(const tls::CertificateVerify& verify) {
  return {"proves that it has the certificate's key: a signature over all so far",
          "signed with: " + tls::signature_scheme_name(verify.signature_scheme)};
}

Lines details(const tls::NewSessionTicket& ticket) {
  return {"resumes this session within " + std::to_string(ticket.lifetime_seconds) + " s",
          "ticket: " + octets_text(ticket.ticket_size)};
}

Lines details(const tls::Finished& finished) {
  return {"digest of all messages so far: " + hex_text(finished.verify_data)};
}

Lines details(const tls::Alert& alert) {
  return {(alert.fatal ? "fatal: " : "warning: ") + tls::alert_name(alert.description)};
}

// "the certificate", "its issuer's certificate".
std::string whose(size_t depth) {
  return depth == 0 ? "the certificate"
                    : "certificate " + std::to_string(depth + 1) + " of the chain";
}

const tls::PeerCertificate* facts_at(const HandshakeRun& run, size_t depth) {
  const tls::CertificateChain* const chain = server_chain(run.trace);
  if (chain == nullptr || depth >= chain->entries.size()) return nullptr;
  const auto& facts = chain->entries[depth].facts;
  return facts ? &*facts : nullptr;
}

std::string untrusted_text(const HandshakeRun& run, size_t depth) {
  const tls::PeerCertificate* const facts = facts_at(run, depth);
  const std::string issuer = facts != nullptr ? " \"" + printable(facts->issuer) + "\"" : "";
  if (facts != nullptr && facts->self_issued) {
    return "untrusted: the chain ends at the authority" + issuer +
           ", which is not trusted here; --ca FILE trusts one";
  }
  return "untrusted: the issuer" + issuer + " of " + whose(depth) +
         " is not known here; --ca FILE trusts a private authority; or the server forgot to send "
         "its intermediate certificate";
}

std::string wrong_name_text(const ProbeReport& report, const HandshakeRun& run) {
  const tls::PeerCertificate* const facts = facts_at(run, 0);
  const std::string names = facts != nullptr ? joined(facts->names, kShown) : "";
  return "wrong name: the certificate is not for " + printable(report.expected_name) +
         (names.empty() ? ", and names no host" : ", but for " + names);
}

}  // namespace

std::string octets_text(size_t size) { return size == 0 ? "0 octets" : counted(size, "octet"); }

std::string time_text(std::chrono::microseconds time) {
  char text[32];
  const double milliseconds = static_cast<double>(time.count()) / 1000;
  if (milliseconds >= 1000) {
    std::snprintf(text, sizeof text, "%.1f s", milliseconds / 1000);
  } else {
    std::snprintf(text, sizeof text, milliseconds < 10 ? "%.1f ms" : "%.0f ms", milliseconds);
  }
  return text;
}

std::string date_text(int64_t seconds) {
  std::tm parts{};
  const auto time = static_cast<std::time_t>(seconds);
  char text[32];
  if (::gmtime_r(&time, &parts) == nullptr) return "?";
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &parts)};
}

std::string hex_text(std::span<const uint8_t> octets) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const uint8_t octet : octets) {
    text += kDigits[octet >> 4U];
    text += kDigits[octet & 15U];
  }
  return text;
}

std::vector<std::string> message_details(const tls::TracedMessage& message, uint16_t version) {
  if (message.content == tls::ContentType::change_cipher_spec) {
    return {version == tls::kTls13 ? "means nothing: a disguise as TLS 1.2"
                                   : "from here on with the new keys"};
  }
  Lines lines =
      std::visit([](const auto& essentials) { return details(essentials); }, message.essentials);
  if (message.malformed) lines.emplace_back("cannot be decoded");
  return lines;
}

std::string key_exchange_text(const tls::HandshakeSummary& summary) {
  const std::string group = summary.group != 0 ? " over " + tls::group_name(summary.group) : "";
  switch (summary.key_exchange) {
    case tls::KeyExchange::rsa:
      return "RSA key transport";
    case tls::KeyExchange::dhe:
      return "DHE" + group;
    case tls::KeyExchange::ecdhe:
      return "ECDHE" + group;
    case tls::KeyExchange::psk:
      return "pre-shared key";
    case tls::KeyExchange::tls13:
      return summary.group != 0 ? "(EC)DHE" + group : "pre-shared key";
    case tls::KeyExchange::unknown:
      break;
  }
  return "unknown";
}

std::string problem_name(tls::VerificationProblem::Kind kind) {
  switch (kind) {
    case Kind::untrusted:
      return "untrusted";
    case Kind::self_signed:
      return "self_signed";
    case Kind::expired:
      return "expired";
    case Kind::not_yet_valid:
      return "not_yet_valid";
    case Kind::wrong_name:
      return "wrong_name";
    case Kind::missing:
      return "missing";
    case Kind::other:
      break;
  }
  return "other";
}

std::string problem_text(const tls::VerificationProblem& problem, const ProbeReport& report,
                         const HandshakeRun& run) {
  const tls::PeerCertificate* const facts = facts_at(run, problem.depth);
  switch (problem.kind) {
    case Kind::untrusted:
      return untrusted_text(run, problem.depth);
    case Kind::self_signed:
      return "self-signed: the certificate vouches for itself; --ca FILE trusts it";
    case Kind::expired:
      return "expired: " + whose(problem.depth) +
             (facts != nullptr ? " was valid until " + date_text(facts->not_after) : "");
    case Kind::not_yet_valid:
      return "not yet valid: " + whose(problem.depth) +
             (facts != nullptr ? " is valid from " + date_text(facts->not_before) : "");
    case Kind::wrong_name:
      return wrong_name_text(report, run);
    case Kind::missing:
      return "missing: the server sent no certificate";
    case Kind::other:
      break;
  }
  return whose(problem.depth) + ": " + problem.reason;
}

const tls::CertificateChain* server_chain(const tls::HandshakeTrace& trace) {
  for (const tls::TracedMessage& message : trace.messages()) {
    const auto* chain = std::get_if<tls::CertificateChain>(&message.essentials);
    if (chain != nullptr && message.sender == tls::Role::server) return chain;
  }
  return nullptr;
}

}  // namespace sluice::ops
