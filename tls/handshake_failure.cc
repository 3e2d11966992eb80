// In this order: what the client says by an alert, what OpenSSL found, what the octets look like,
// and last how far it came.
#include "tls/handshake_failure.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "tls/certificate.h"
#include "tls/certificate_facts.h"
#include "tls/handshake_report.h"
#include "tls/identity.h"
#include "tls/listener_context.h"
#include "tls/offer_reason.h"
#include "tls/policy.h"
#include "tls/registry.h"

namespace sluice::tls {

namespace {

// RFC 8446 section 6.2, those that are looked for.
enum Alert : uint8_t {
  bad_record_mac = 20,
  no_certificate = 41,
  bad_certificate = 42,
  unsupported_certificate = 43,
  certificate_revoked = 44,
  certificate_expired = 45,
  certificate_unknown = 46,
  unknown_ca = 48,
  decrypt_error = 51,
};

struct Failed {
  const HandshakeReport& report;
  const ListenerContext& context;
  const Choice& choice;
  int reason;  // OpenSSL's, of its library for TLS; 0: none
};

// Of the kinds of certificates we do not know which was sent; they are renewed together.
const Certificate& ours(const Failed& failed) {
  return *failed.choice.identity->certificates().front();
}

std::string library_words(const HandshakeReport& report) {
  const char* const words = ERR_reason_error_string(report.error);
  return words != nullptr ? " (OpenSSL: " + std::string(words) + ")" : std::string();
}

std::string counted(size_t count, const std::string& one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

// --- What the client says ------------------------------------------------------------------------

// What those who do not know an authority mostly lack.
std::string chain_text(const Failed& failed) {
  const Certificate& certificate = ours(failed);
  const size_t sent = 1 + certificate.intermediates().size();
  if (sent == 1 && is_self_signed(certificate.leaf()))
    return "the certificate is signed by itself: the client must be told to trust it";
  return "chain sent has " + counted(sent, "certificate") +
         (sent == 1 ? "; is the intermediate missing?" : "; the client lacks its root");
}

std::string rejection_text(const Failed& failed, int alert) {
  switch (alert) {
    case unknown_ca:
      return "client does not know the authority of our certificate: " + chain_text(failed);
    case certificate_expired:
      return "client holds our certificate to be expired: it is valid until " +
             text_of_time(ours(failed).not_after()) + "; renew it, or the client's clock is wrong";
    case certificate_revoked:
      return "client says that our certificate is revoked";
    case unsupported_certificate:
      return "client cannot use our certificate: its kind of key, or what it is for";
    default:
      return "client does not trust our certificate, as browsers say of an unknown authority, a "
             "wrong name or a wrong date: " +
             chain_text(failed);
  }
}

HandshakeFailure client_alert(const Failed& failed, int alert) {
  constexpr std::array<int, 7> kOfCertificates = {
      no_certificate,      bad_certificate,     unsupported_certificate,
      certificate_revoked, certificate_expired, certificate_unknown,
      unknown_ca};
  if (std::find(kOfCertificates.begin(), kOfCertificates.end(), alert) != kOfCertificates.end())
    return {"client_rejects_certificate", rejection_text(failed, alert)};
  const std::string name = alert_name(static_cast<uint8_t>(alert));
  if (alert == decrypt_error || alert == bad_record_mac)
    return {"client_alert", "client could not decrypt or verify what it received (alert " + name +
                                "): something in between may have changed it"};
  return {"client_alert", "client broke off with alert " + name};
}

// OpenSSL keeps the alerts it receives among its reasons, from 1000 on.
int received_alert(const Failed& failed) {
  if (failed.report.alert_received >= 0) return failed.report.alert_received;
  const int alert = failed.reason - SSL_AD_REASON_OFFSET;
  return alert >= 0 && alert <= 255 ? alert : -1;
}

// --- What is no TLS ------------------------------------------------------------------------------

bool is_http(std::string_view octets) {
  const size_t space = octets.find(' ');
  const std::string_view method = octets.substr(0, space);
  constexpr std::array<std::string_view, 10> kMethods = {
      "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PRI"};
  if (std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end()) return true;
  // A longer method may be cut.
  return space != std::string_view::npos && octets.find('/', space) != std::string_view::npos;
}

// `answered`: in clear text, as HTTP.
HandshakeFailure other_protocol(std::string_view octets, bool answered) {
  const std::string on_port = answered ? " on a TLS port; answered with 400" : " on a TLS port";
  if (octets.starts_with("SSH-")) return {"no_tls", "an SSH client" + on_port};
  if (octets.starts_with("PROXY "))
    return {"no_tls", "a PROXY protocol header, which is not taken here," + on_port};
  if (octets.starts_with("PRI * HTTP/2")) return {"plain_http", "plain HTTP/2" + on_port};
  if (is_http(octets)) return {"plain_http", "plain HTTP" + on_port};
  return {"no_tls", "no TLS: what came begins with " + quoted_text(octets)};
}

// Octets that begin no record of TLS, nor a request.
HandshakeFailure no_record(const Failed& failed) {
  const std::string_view octets = failed.report.first_octets;
  const auto octet = [octets](size_t i) { return static_cast<uint8_t>(octets[i]); };
  if (octets.size() > 4 && (octet(0) & 0x80U) != 0 && octet(2) == 1)
    return {"old_version", "client sends a hello of SSL 2 that offers at most " +
                               version_name(static_cast<uint16_t>(octet(3) << 8U | octet(4)))};
  if (octets.starts_with(std::string_view("\x03\x00", 2)))
    return {"no_tls", "a Remote Desktop client on a TLS port"};
  return other_protocol(octets, false);
}

bool begins_record(std::string_view octets) {
  return octets.size() > 1 && octets[0] >= 20 && octets[0] <= 23 && octets[1] == 3;
}

// --- What OpenSSL found --------------------------------------------------------------------------

HandshakeFailure name_refused(const Failed& failed) {
  const std::string& name = failed.report.hello ? failed.report.hello->server_name : "";
  const std::string nearest = failed.context.nearest_name(name);
  return {"name_refused", "no certificate for " + quoted_text(name) +
                              (nearest.empty() ? "" : "; nearest " + quoted_text(nearest))};
}

HandshakeFailure client_certificate(const Failed& failed) {
  if (failed.reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
    return {"client_certificate_missing", "client shows no certificate, and one is required"};
  return {"client_certificate_refused",
          "client's certificate is not taken: " +
              std::string(X509_verify_cert_error_string(failed.report.verification))};
}

std::optional<HandshakeFailure> by_offer(const Failed& failed) {
  const std::optional<ClientHello>& hello = failed.report.hello;
  if (!hello) return std::nullopt;
  switch (failed.reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_VERSION_TOO_HIGH:
    case SSL_R_BAD_LEGACY_VERSION:
    case SSL_R_WRONG_SSL_VERSION:
      return reason_of_versions(*hello, failed.context.policy());
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_MISSING_SUPPORTED_GROUPS_EXTENSION:
    case SSL_R_MISSING_SIGALGS_EXTENSION:
      return reason_of_algorithms(*hello, failed.context.policy(), failed.choice);
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return reason_of_protocols(*hello);
    default:
      return std::nullopt;
  }
}

HandshakeFailure not_verified() {
  return {"decryption_failed",
          "client's record or Finished does not verify: keys differ, or something in between "
          "changed the handshake"};
}

// Where the reason alone says enough.
std::optional<HandshakeFailure> by_reason(const Failed& failed) {
  switch (failed.reason) {
    case SSL_R_INAPPROPRIATE_FALLBACK:
      return HandshakeFailure{"fallback",
                              "client comes again with an older version than both speak "
                              "(TLS_FALLBACK_SCSV): its first attempt failed on the way"};
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return client_certificate(failed);
    case SSL_R_BAD_SIGNATURE:
    case SSL_R_WRONG_SIGNATURE_TYPE:
      return HandshakeFailure{"client_certificate_refused",
                              "client did not prove that its certificate's key is its own"};
    case SSL_R_DIGEST_CHECK_FAILED:
      return not_verified();
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
    case SSL_R_DATA_LENGTH_TOO_LONG:
      return HandshakeFailure{"record_too_large", "client sends a record of more than 16 KiB"};
    case SSL_R_EXCESSIVE_MESSAGE_SIZE:
      return HandshakeFailure{"malformed", "client sends a handshake message that is too large"};
    default:
      break;
  }
  if (failed.report.alert_sent == bad_record_mac) return not_verified();
  return std::nullopt;
}

// An alert of ours that means: what came cannot be so.
HandshakeFailure by_state(const Failed& failed) {
  const HandshakeReport& report = failed.report;
  const std::string words = library_words(report);
  if (!report.hello_came) {
    if (begins_record(report.first_octets))
      return {"malformed", "client's first record holds no ClientHello" + words};
    return no_record(failed);
  }
  if (!report.hello) return {"malformed", "malformed ClientHello" + words};
  const std::string last =
      report.last_message < 0 ? "" : message_name(static_cast<uint8_t>(report.last_message));
  return {"protocol_error", "client breaks the protocol after its " + last + words};
}

HandshakeFailure internal(const Failed& failed) {
  return {"internal_error", "internal error of ours: the context for " + ours(failed).chain_path() +
                                " could not be made or used" + library_words(failed.report)};
}

HandshakeFailure of_failed(const Failed& failed) {
  if (const int alert = received_alert(failed); alert >= 0) return client_alert(failed, alert);
  if (failed.report.name_refused) return name_refused(failed);
  if (auto found = by_offer(failed)) return *std::move(found);
  if (auto found = by_reason(failed)) return *std::move(found);
  if (failed.report.alert_sent == SSL_AD_INTERNAL_ERROR || failed.report.error == 0)
    return internal(failed);
  return by_state(failed);
}

// --- How far it came -----------------------------------------------------------------------------

// Whether all of our first flight went out: what we send last in it.
bool sent_flight(const HandshakeReport& report) {
  const int last = report.last_sent;
  return last == static_cast<int>(MessageType::finished) || last == SSL3_MT_SERVER_DONE;
}

std::string how_far(const HandshakeReport& report) {
  const bool asked_again = report.last_sent == static_cast<int>(MessageType::server_hello) &&
                           report.last_message == static_cast<int>(MessageType::client_hello);
  if (!report.hello_came) return counted(report.received, "octet") + " of its ClientHello";
  if (asked_again) return "being asked for a key of another group (HelloRetryRequest)";
  if (report.last_message == static_cast<int>(MessageType::client_hello))
    return sent_flight(report) ? "our certificate" : "its ClientHello";
  return "its " + message_name(static_cast<uint8_t>(std::max(report.last_message, 0)));
}

HandshakeFailure of_left(const HandshakeReport& report) {
  if (report.received == 0) return {"client_left", "client closed the connection and sent nothing"};
  const std::string text = "client closed the connection after " + how_far(report);
  if (!report.hello_came) return HandshakeFailure{"client_left", text};
  if (!sent_flight(report)) return HandshakeFailure{"client_left", text};
  return HandshakeFailure{"client_left", text +
                                             ", without an alert: some clients that do not trust a "
                                             "certificate do so, scanners and health checks too"};
}

HandshakeFailure of_timed_out(const HandshakeReport& report) {
  if (report.received == 0) return {"timed_out", "timed out: client sent nothing"};
  const bool unanswered =
      report.last_message == static_cast<int>(MessageType::client_hello) && sent_flight(report);
  return {"timed_out", "timed out: client stopped after " + how_far(report) +
                           (unanswered ? ", to which no answer came: large packets may be lost on "
                                         "the way (path MTU)"
                                       : "")};
}

HandshakeFailure explain(const Failed& failed, HandshakeEnd end) {
  switch (end) {
    case HandshakeEnd::failed:
      return of_failed(failed);
    case HandshakeEnd::clear_text:
      return other_protocol(failed.report.first_octets, true);
    case HandshakeEnd::left:
      return of_left(failed.report);
    case HandshakeEnd::timed_out:
      return of_timed_out(failed.report);
    case HandshakeEnd::established:
      break;  // there is nothing to explain
  }
  return {"", ""};
}

// Names and paths come from certificates and configurations.
void make_printable(std::string& text) {
  if (text.size() > HandshakeFailure::kLongestReason) {
    text.resize(HandshakeFailure::kLongestReason - 3);
    text += "...";
  }
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
}

}  // namespace

bool is_mere_visit(const HandshakeReport& report, HandshakeEnd end) noexcept {
  return end == HandshakeEnd::left && report.received == 0;
}

HandshakeFailure explain_handshake(const HandshakeReport& report, const ListenerContext& context,
                                   const Choice& choice, HandshakeEnd end) {
  const bool of_tls = ERR_GET_LIB(report.error) == ERR_LIB_SSL;
  const Failed failed{report, context, choice, of_tls ? ERR_GET_REASON(report.error) : 0};
  HandshakeFailure found = explain(failed, end);
  make_printable(found.reason);
  return found;
}

}  // namespace sluice::tls
