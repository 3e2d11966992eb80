// nlohmann's form without exceptions: what peers write may be anything. Names of members are those
// of the structs in tls/handshake_message.h.
#include "server/ops/handshake_json.h"

#include <nlohmann/json.hpp>

#include "server/ops/handshake_words.h"
#include "tls/registry.h"

namespace sluice::ops {
namespace {

using Json = nlohmann::ordered_json;

std::string to_line(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

const char* name_of(tls::Role role) { return role == tls::Role::client ? "client" : "server"; }

template <typename Name>
Json names_of(const std::vector<uint16_t>& values, Name name) {
  Json names = Json::array();
  for (const uint16_t value : values) names.push_back(name(value));
  return names;
}

// null for 0, which stands for none.
template <typename Name>
Json name_or_null(uint16_t value, Name name) {
  return value == 0 ? Json() : Json(name(value));
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

void fill(Json&, const std::monostate&) {}

void fill(Json& json, const tls::ClientHello& hello) {
  json["legacy_version"] = tls::version_name(hello.legacy_version);
  json["versions"] = names_of(hello.versions, tls::version_name);
  json["random"] = hex_text(hello.random);
  json["session_id_octets"] = hello.session_id_size;
  json["server_name"] = text_or_null(hello.server_name);
  json["has_invalid_server_name"] = hello.has_invalid_server_name;
  json["alpn"] = hello.alpn;
  json["suites"] = names_of(hello.suites, tls::suite_name);
  json["groups"] = names_of(hello.groups, tls::group_name);
  json["key_shares"] = names_of(hello.key_share_groups, tls::group_name);
  json["signature_schemes"] = names_of(hello.signature_schemes, tls::signature_scheme_name);
  json["supports_tickets"] = hello.supports_tickets;
  json["offers_ticket"] = hello.offers_ticket;
  json["offers_psk"] = hello.offers_psk;
  json["offers_early_data"] = hello.offers_early_data;
}

void fill(Json& json, const tls::ServerHello& hello) {
  json["version"] = tls::version_name(hello.version);
  json["random"] = hex_text(hello.random);
  json["suite"] = tls::suite_name(hello.suite);
  json["group"] = name_or_null(hello.group, tls::group_name);
  json["is_retry_request"] = hello.is_retry_request;
  json["accepts_psk"] = hello.accepts_psk;
  json["extended_master_secret"] = hello.extended_master_secret;
  json["alpn"] = text_or_null(hello.alpn);
}

void fill(Json& json, const tls::EncryptedExtensions& extensions) {
  json["alpn"] = text_or_null(extensions.alpn);
  json["accepts_early_data"] = extensions.accepts_early_data;
  json["acknowledges_server_name"] = extensions.acknowledges_server_name;
}

Json certificate(const tls::CertificateChain::Entry& entry) {
  Json json = {{"octets", entry.size}, {"decoded", entry.facts.has_value()}};
  if (!entry.facts) return json;
  const tls::PeerCertificate& facts = *entry.facts;
  json["subject"] = facts.subject;
  json["issuer"] = facts.issuer;
  json["self_issued"] = facts.self_issued;
  json["not_before"] = facts.not_before;
  json["not_after"] = facts.not_after;
  json["key"] = facts.key_kind;
  json["key_bits"] = facts.key_bits;
  json["signature"] = facts.signature;
  json["names"] = facts.names;
  return json;
}

void fill(Json& json, const tls::CertificateChain& chain) {
  Json& certificates = json["certificates"] = Json::array();
  for (const auto& entry : chain.entries) certificates.push_back(certificate(entry));
  json["total"] = chain.total;
}

void fill(Json& json, const tls::ServerKeyExchange& exchange) {
  json["group"] = name_or_null(exchange.group, tls::group_name);
  json["prime_bits"] = exchange.prime_bits;
  json["signature_scheme"] = name_or_null(exchange.signature_scheme, tls::signature_scheme_name);
}

const char* name_of(tls::KeyExchange exchange) {
  switch (exchange) {
    case tls::KeyExchange::rsa:
      return "rsa";
    case tls::KeyExchange::dhe:
      return "dhe";
    case tls::KeyExchange::ecdhe:
      return "ecdhe";
    case tls::KeyExchange::psk:
      return "psk";
    case tls::KeyExchange::tls13:
      return "tls13";
    case tls::KeyExchange::unknown:
      break;
  }
  return "unknown";
}

void fill(Json& json, const tls::ClientKeyExchange& exchange) {
  json["kind"] = name_of(exchange.kind);
  json["content_octets"] = exchange.size;
}

void fill(Json& json, const tls::CertificateRequest& request) {
  json["signature_schemes"] = names_of(request.signature_schemes, tls::signature_scheme_name);
  json["authorities"] = request.authorities;
}

void fill(Json& json, const tls::CertificateVerify& verify) {
  json["signature_scheme"] = tls::signature_scheme_name(verify.signature_scheme);
  json["signature_octets"] = verify.signature_size;
}

void fill(Json& json, const tls::NewSessionTicket& ticket) {
  json["lifetime_seconds"] = ticket.lifetime_seconds;
  json["ticket_octets"] = ticket.ticket_size;
}

void fill(Json& json, const tls::Finished& finished) {
  json["verify_data"] = hex_text(finished.verify_data);
}

void fill(Json& json, const tls::Alert& alert) {
  json["level"] = alert.fatal ? "fatal" : "warning";
  json["description"] = tls::alert_name(alert.description);
}

Json message_json(const tls::TracedMessage& message) {
  Json json = {{"sender", name_of(message.sender)},
               {"name", message.name()},
               {"octets", message.size},
               {"at_us", message.at.count()},
               {"encrypted", message.encrypted},
               {"malformed", message.malformed}};
  std::visit([&json](const auto& essentials) { fill(json, essentials); }, message.essentials);
  return json;
}

Json alert_json(const tls::HandshakeSummary& summary) {
  if (!summary.fatal_alert) return {};
  return {{"sender", name_of(summary.alert_sender)},
          {"description", tls::alert_name(*summary.fatal_alert)}};
}

Json summary_json(const tls::HandshakeSummary& summary) {
  return {{"complete", summary.complete},
          {"version", name_or_null(summary.version, tls::version_name)},
          {"suite", summary.version == 0 ? Json() : Json(tls::suite_name(summary.suite))},
          {"key_exchange", name_of(summary.key_exchange)},
          {"group", name_or_null(summary.group, tls::group_name)},
          {"signature_scheme", name_or_null(summary.signature_scheme, tls::signature_scheme_name)},
          {"resumed", summary.resumed},
          {"retried", summary.retried},
          {"extended_master_secret", summary.extended_master_secret},
          {"client_certificate", summary.client_certificate},
          {"alpn", text_or_null(summary.alpn)},
          {"round_trips", summary.round_trips},
          {"duration_us", summary.duration.count()},
          {"octets_from_client", summary.octets_from_client},
          {"octets_from_server", summary.octets_from_server},
          {"fatal_alert", alert_json(summary)}};
}

void fill(Json& json, const tls::HandshakeTrace& trace) {
  json["summary"] = summary_json(trace.summary());
  Json& messages = json["messages"] = Json::array();
  for (const tls::TracedMessage& message : trace.messages())
    messages.push_back(message_json(message));
  json["left_out"] = trace.left_out();
}

Json run_json(const ProbeReport& report, const HandshakeRun& run) {
  Json json = {{"address", text_or_null(run.address)},   {"connected", run.connected},
               {"connect_us", run.connect_time.count()}, {"succeeded", run.succeeded},
               {"error", text_or_null(run.error)},       {"advice", text_or_null(run.advice)}};
  Json& problems = json["problems"] = Json::array();
  for (const tls::VerificationProblem& problem : run.problems) {
    problems.push_back({{"kind", problem_name(problem.kind)},
                        {"depth", problem.depth},
                        {"text", problem_text(problem, report, run)}});
  }
  fill(json, run.trace);
  return json;
}

}  // namespace

std::string trace_json(const tls::HandshakeTrace& trace) {
  Json json = Json::object();
  fill(json, trace);
  return to_line(json);
}

std::string handshake_json(const ProbeReport& report) {
  Json json = {{"ok", report.succeeded()},
               {"host", report.host},
               {"port", report.port},
               {"server_name", text_or_null(report.server_name)},
               {"expected_name", text_or_null(report.expected_name)},
               {"insecure", report.insecure},
               {"lowered_security", report.lowered_security}};
  Json& runs = json["runs"] = Json::array();
  for (const HandshakeRun& run : report.runs) runs.push_back(run_json(report, run));
  return to_line(json);
}

}  // namespace sluice::ops
