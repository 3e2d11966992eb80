// The trace says most: whether anything came, whether it was TLS, and which alert ended it.
#include "server/ops/probe_failure.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "server/ops/printable.h"
#include "tls/registry.h"

namespace sluice::ops {
namespace {

struct AlertReason {
  uint8_t description;
  std::string_view reason;
};

// What a server most likely means by an alert, said to whoever runs the client.
constexpr AlertReason kReasons[] = {
    {20, "octets were changed on the way, or one side computes other keys"},
    {40,
     "no cipher suite or group is common to both sides, or the server wants what was not "
     "offered: another suite (--cipher), a server name (--sni), or a client certificate"},
    {42, "the server wants a client certificate, which this command does not send"},
    {47, "the server found a field that it does not allow"},
    {49, "the server refuses this client, by its certificate or its address"},
    {50, "the server could not read a message: it may be very old, or no TLS server"},
    {51, "a signature or a digest does not fit: octets were changed on the way"},
    {70,
     "the server takes none of the versions offered: try --tls1.2 or --tls1.3; servers of TLS "
     "1.1 and older are not spoken to"},
    {71, "the server demands stronger suites than were offered"},
    {80,
     "the server failed by itself, which its log should explain; some say so for an unknown "
     "server name (--sni)"},
    {86, "the server supports a newer version than the one offered"},
    {112, "the server has no site of this name: try another --sni"},
    {116, "the server wants a client certificate, which this command does not send"},
    {120, "the server speaks none of the protocols offered: try another --alpn"},
};

std::string_view reason_of(uint8_t alert) {
  for (const AlertReason& one : kReasons) {
    if (one.description == alert) return one.reason;
  }
  return "the server's log should say more";
}

bool is_record(std::string_view octets) {
  return octets.size() >= 2 && octets[0] >= 20 && octets[0] <= 24 && octets[1] == 3;
}

bool is_http(std::string_view octets) {
  return octets.starts_with("HTTP/") || octets.starts_with("<");
}

const tls::TracedMessage* last_of_server(const tls::HandshakeTrace& trace) {
  const auto& messages = trace.messages();
  const auto found = std::find_if(
      messages.rbegin(), messages.rend(),
      [](const tls::TracedMessage& message) { return message.sender == tls::Role::server; });
  return found == messages.rend() ? nullptr : &*found;
}

std::string origin(const ProbeReport& report, std::string_view scheme) {
  const bool is_ipv6 = report.host.find(':') != std::string::npos;
  return std::string(scheme) + "://" + (is_ipv6 ? "[" + report.host + "]" : report.host) + ":" +
         report.port + "/";
}

void explain_alert(const tls::HandshakeSummary& summary, const Failure& failure,
                   HandshakeRun& run) {
  const std::string name = tls::alert_name(*summary.fatal_alert);
  if (summary.alert_sender == tls::Role::server) {
    run.error = "the server broke off with the alert " + name;
    run.advice = "likely " + std::string(reason_of(*summary.fatal_alert));
    return;
  }
  run.error = "this client broke off with the alert " + name;
  if (!failure.library_error.empty()) run.error += ": " + failure.library_error;
  run.advice =
      "what the server sent is not acceptable: octets were changed on the way, or the "
      "server is misconfigured or too old";
}

void explain_other_protocol(const ProbeReport& report, const Failure& failure, HandshakeRun& run) {
  if (is_http(failure.first_octets)) {
    run.error = "the server speaks plain HTTP on this port, not TLS";
    run.advice = "open " + origin(report, "http") + ", or give the port that HTTPS is on";
    return;
  }
  run.error =
      "what answers does not speak TLS: it begins with \"" + printable(failure.first_octets) + "\"";
  run.advice = "is this the right port?";
}

void explain_nothing(const ProbeReport& report, const Failure& failure, HandshakeRun& run) {
  if (failure.ending == Ending::timeout) {
    run.error = "connected, but the server said nothing within " +
                std::to_string(failure.patience.count()) + " s";
    run.advice =
        "it may not speak TLS on this port (try " + origin(report, "http") + "), or is overloaded";
    return;
  }
  run.error = failure.ending == Ending::reset ? "the server reset the connection without a word"
                                              : "the server closed the connection without a word";
  run.advice = "it may not speak TLS on this port (try " + origin(report, "http") +
               "), or refuses this address or server name";
}

void explain_middle(const Failure& failure, const tls::TracedMessage& last, HandshakeRun& run) {
  if (failure.ending == Ending::timeout) {
    run.error = "the handshake stopped after the server's " + last.name() +
                ": nothing more within " + std::to_string(failure.patience.count()) + " s";
    run.advice = "large packets may be lost on the way, or the server waits for somebody else";
    return;
  }
  run.error =
      failure.ending == Ending::failed
          ? "the handshake failed after the server's " + last.name() + ": " + failure.library_error
          : "the server closed the connection after its " + last.name() +
                ", in the middle of the handshake";
  run.advice = "the server's log should say why";
}

}  // namespace

void explain_failure(const ProbeReport& report, const Failure& failure, HandshakeRun& run) {
  const tls::HandshakeSummary summary = run.trace.summary();
  const std::string_view first = failure.first_octets;
  const tls::TracedMessage* const last = last_of_server(run.trace);
  // An alert of our own on what is no TLS would only hide what it is.
  if (!first.empty() && !is_record(first)) return explain_other_protocol(report, failure, run);
  if (summary.fatal_alert) return explain_alert(summary, failure, run);
  if (last != nullptr) return explain_middle(failure, *last, run);
  if (failure.ending != Ending::failed) return explain_nothing(report, failure, run);
  run.error = "the handshake cannot begin: " + failure.library_error;
  run.advice = "are the options possible together?";
}

}  // namespace sluice::ops
