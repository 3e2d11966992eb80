// Sections, one after the other.
#include "server/ops/handshake_text.h"

#include <algorithm>
#include <string_view>

#include "server/ops/handshake_words.h"
#include "server/ops/printable.h"
#include "tls/registry.h"

namespace sluice::ops {
namespace {

using tls::HandshakeSummary;
using tls::KeyExchange;

class Page {
 public:
  explicit Page(const TextStyle& style)
      : style_(style), columns_(std::clamp<size_t>(style.columns, 80, 120)) {}

  void heading(const std::string& text) {
    if (!text_.empty()) text_ += "\n";
    paint(kBold, text);
  }
  void item(const std::string& text, std::string_view colour = {}) {
    for (const std::string& line : wrapped("  " + text, columns_, 4)) paint(colour, line);
  }
  void raw(const std::string& text) { text_ += text; }
  const TextStyle& style() const { return style_; }
  std::string take() { return std::move(text_); }

 private:
  void paint(std::string_view colour, const std::string& line) {
    const bool painted = style_.colours && !colour.empty();
    if (painted) text_ += colour;
    text_ += line;
    if (painted) text_ += kReset;
    text_ += '\n';
  }

  TextStyle style_;
  size_t columns_;
  std::string text_;
};

void add_outcome(Page& page, const HandshakeSummary& summary) {
  page.heading("What follows");
  page.item("protocol: " + tls::version_name(summary.version));
  page.item("cipher suite: " + tls::suite_name(summary.suite));
  page.item("key exchange: " + key_exchange_text(summary));
  if (summary.signature_scheme != 0)
    page.item("server's signature: " + tls::signature_scheme_name(summary.signature_scheme));
  page.item("application protocol (ALPN): " +
            (summary.alpn.empty() ? "none agreed, so HTTP/1.1" : printable(summary.alpn)));
  page.item(summary.resumed ? "session: resumed, so without certificates"
                            : "session: full handshake");
  if (!summary.complete) return;
  page.item("round trips before the request: " + std::to_string(summary.round_trips) +
            (summary.retried ? " (one more, for the group that the server asked for)" : ""));
  page.item("time: " + time_text(summary.duration));
  page.item("octets: " + std::to_string(summary.octets_from_client) + " from the client, " +
            std::to_string(summary.octets_from_server) + " from the server");
}

std::string pre_master_text(const HandshakeSummary& summary) {
  if (summary.key_exchange == KeyExchange::rsa) {
    return "pre-master secret: 48 octets that the client makes up and sends encrypted; only the "
           "owner of the certificate's RSA key can read it";
  }
  return "pre-master secret: computed by both from their own private half and the other's public "
         "half; never sent, and forgotten afterwards";
}

std::string master_text(const HandshakeSummary& summary) {
  if (summary.resumed) return "master secret: the one of the session that is resumed";
  if (summary.extended_master_secret) {
    return "master secret <- pre-master secret + digest of all messages so far, both randoms among "
           "them (extended master secret, RFC 7627)";
  }
  return "master secret <- pre-master secret + client random + server random";
}

void add_tls12_keys(Page& page, const HandshakeSummary& summary) {
  if (!summary.resumed) page.item(pre_master_text(summary));
  page.item(master_text(summary));
  page.item("keys, for each direction one <- master secret + server random + client random");
  page.item(
      "digest in finished <- master secret + digest of all messages before it: one changed "
      "octet anywhere, and it does not fit");
}

void add_tls13_keys(Page& page, const HandshakeSummary& summary) {
  if (summary.resumed)
    page.item("early secret <- the session's secret, which the ticket stands for");
  if (summary.group != 0) {
    page.item("shared secret <- both key shares (" + tls::group_name(summary.group) +
              "); never sent, and forgotten afterwards");
  }
  page.item(std::string("handshake secret <- ") + (summary.resumed ? "early secret" : "zeros") +
            (summary.group != 0 ? " + shared secret" : ""));
  page.item(
      "handshake keys, for each direction one <- handshake secret + digest of both hellos, "
      "the randoms in them: they encrypt all messages after the hellos");
  page.item("master secret <- handshake secret");
  page.item(
      "application keys, for each direction one <- master secret + digest of all messages to "
      "the server's finished");
  page.item("digest in finished <- handshake keys' secret + digest of all messages before it");
}

void add_tls12_difference(Page& page) {
  page.heading("How TLS 1.3 differs");
  page.item("one round trip instead of two: the key shares are in the hellos already");
  page.item("all after ServerHello is encrypted, the certificate too");
  page.item(
      "no RSA key transport: who steals the certificate's key later cannot read what was "
      "recorded");
  page.item("no change cipher spec: keys change by themselves; servers send it as a disguise only");
}

void add_tls13_difference(Page& page) {
  page.heading("How TLS 1.3 differs from the four steps of TLS 1.2");
  page.item(
      "(1) hello and (2) hello carry the key shares, so that (3) and (4) shrink to one "
      "finished of each side: one round trip instead of two");
  page.item("all after ServerHello is encrypted, the certificate too");
  page.item(
      "no pre-master secret is sent: RSA key transport is gone, and who steals the "
      "certificate's key later cannot read what was recorded");
  page.item(
      "change cipher spec means nothing any more: it is a disguise for boxes in between that "
      "know TLS 1.2 only");
}

void add_keys(Page& page, const HandshakeSummary& summary) {
  page.heading("Which keys follow from what (names only)");
  if (summary.version == tls::kTls13) {
    add_tls13_keys(page, summary);
    add_tls13_difference(page);
  } else {
    add_tls12_keys(page, summary);
    add_tls12_difference(page);
  }
}

void add_certificate(Page& page, const ProbeReport& report, const HandshakeRun& run) {
  const HandshakeSummary summary = run.trace.summary();
  if (summary.resumed || (run.problems.empty() && server_chain(run.trace) == nullptr)) return;
  page.heading("The server's certificate");
  if (run.problems.empty()) {
    if (summary.complete)
      page.item("valid for " + printable(report.expected_name) + ", from a trusted authority",
                kGreen);
    return;
  }
  for (const tls::VerificationProblem& problem : run.problems)
    page.item(problem_text(problem, report, run), kRed);
  if (report.insecure) page.item("reported only, as --insecure says");
}

void add_run(Page& page, const ProbeReport& report, const HandshakeRun& run, bool explain) {
  if (run.connected)
    page.item("connected to " + run.address + " in " + time_text(run.connect_time));
  if (!run.trace.messages().empty()) {
    page.raw("\n");
    page.raw(lanes_text(run.trace, page.style()));
  }
  const HandshakeSummary summary = run.trace.summary();
  if (summary.version != 0) add_outcome(page, summary);
  if (summary.complete && explain) add_keys(page, summary);
  add_certificate(page, report, run);
  if (run.error.empty()) return;
  page.heading("Failed");
  page.item(run.error, kRed);
  page.item(run.advice);
}

std::string title(const ProbeReport& report) {
  const std::string host = printable(report.host);
  const bool is_ipv6 = report.host.find(':') != std::string::npos;
  std::string text =
      "Handshake with " + (is_ipv6 ? "[" + host + "]" : host) + ":" + printable(report.port);
  if (!report.server_name.empty() && report.server_name != report.host)
    text += " as " + printable(report.server_name);
  return text;
}

void add_resumption(Page& page, const ProbeReport& report) {
  const HandshakeRun& first = report.runs.front();
  if (report.runs.size() == 1) {
    if (!first.succeeded) return;
    page.heading("Resumption");
    page.item("the server gave no session to resume: it sends no tickets and keeps no sessions",
              kRed);
    return;
  }
  page.heading("The second connection, with the first one's session");
  add_run(page, report, report.runs[1], false);
  if (report.runs[1].succeeded && !report.runs[1].trace.summary().resumed)
    page.item("the server did not resume the session, and made a new one", kRed);
}

std::string result_text(const ProbeReport& report) {
  const bool shaken = std::all_of(report.runs.begin(), report.runs.end(),
                                  [](const HandshakeRun& run) { return run.succeeded; });
  if (report.succeeded()) return "Result: the handshake succeeded";
  if (!shaken) return "Result: the handshake failed";
  if (!report.insecure && !report.runs.front().problems.empty())
    return "Result: the handshake succeeded, but the certificate is not acceptable";
  return "Result: the handshake succeeded, but the session was not resumed";
}

}  // namespace

std::string handshake_text(const ProbeReport& report, const TextStyle& style) {
  Page page(style);
  page.heading(title(report));
  if (report.lowered_security) {
    page.item(
        "the suite asked for is weak: OpenSSL's security level was lowered to offer it, for "
        "this connection only");
  }
  if (report.runs.empty()) return page.take();
  add_run(page, report, report.runs.front(), true);
  if (report.resume) add_resumption(page, report);
  page.heading(result_text(report));
  return page.take();
}

}  // namespace sluice::ops
