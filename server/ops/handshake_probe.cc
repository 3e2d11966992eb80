// One connection for each run: octets go between the socket and the client until it is done, has
// failed, or time is up.
#include "server/ops/handshake_probe.h"

#include <algorithm>
#include <array>

#include "server/ops/blocking_connection.h"
#include "server/ops/probe_failure.h"

namespace sluice::ops {
namespace {

using Clock = BlockingConnection::Clock;
using Progress = tls::Client::Progress;
using Received = BlockingConnection::Received;
using std::chrono::duration_cast;
using std::chrono::microseconds;

class Probe {
 public:
  Probe(const ProbeOptions& options, const tls::ClientContext& context, ProbeReport& report)
      : options_(options), context_(context), report_(report) {}

  // The session for another run; none when there is no other, or none was given.
  tls::ClientSession run(const tls::ClientSession& session) {
    const Clock::time_point begin = Clock::now();
    run_.error =
        connection_.connect(options_.host, options_.port, begin + options_.connect_timeout);
    run_.address = connection_.address();
    run_.connected = run_.error.empty();
    if (!run_.connected) {
      run_.advice = connection_.advice();
      return {};
    }
    begin_ = Clock::now();
    run_.connect_time = duration_cast<microseconds>(begin_ - begin);
    tls::Client client(context_, options_.server_name, options_.expected_name, run_.trace);
    client.resume(session);
    shake(client);
    run_.problems = client.problems();
    add_missing_certificate();
    return run_.succeeded && options_.resume ? client.session() : tls::ClientSession();
  }

  HandshakeRun take_run() { return std::move(run_); }

 private:
  microseconds now() const { return duration_cast<microseconds>(Clock::now() - begin_); }

  void shake(tls::Client& client) {
    const Clock::time_point deadline = begin_ + options_.handshake_timeout;
    Ending ending = Ending::failed;
    Progress progress = client.advance({}, now());
    while (progress == Progress::working) {
      if (!pass_octets(client, deadline, progress, ending)) break;
    }
    if (progress == Progress::done) {
      send_output(client, deadline);
      progress = wait_for_tickets(client);
    }
    run_.succeeded = progress == Progress::done;
    if (run_.succeeded) client.close(now());
    send_output(client, deadline);  // close_notify, or the alert that says why not
    if (run_.succeeded) return;
    explain_failure(report_,
                    {.ending = ending,
                     .first_octets = client.first_octets(),
                     .library_error = client.error(),
                     .patience = duration_cast<std::chrono::seconds>(options_.handshake_timeout)},
                    run_);
  }

  // What a peer no longer reads is no failure by itself: what it has said comes next.
  void send_output(tls::Client& client, Clock::time_point deadline) {
    [[maybe_unused]] const bool sent = connection_.send(client.take_output(), deadline);
  }

  // One time out and in. False when nothing more will come; then `ending` says why.
  bool pass_octets(tls::Client& client, Clock::time_point deadline, Progress& progress,
                   Ending& ending) {
    send_output(client, deadline);
    size_t size = 0;
    switch (connection_.receive(room_, size, deadline)) {
      case Received::octets:
        progress = client.advance(std::span(room_).first(size), now());
        return true;
      case Received::end:
        ending = Ending::closed;
        progress = client.end_of_input(now());
        return false;
      case Received::reset:
        ending = Ending::reset;
        return false;
      case Received::timeout:
        ending = Ending::timeout;
        return false;
    }
    return false;
  }

  // TLS 1.3 sends tickets after the handshake, and refuses a missing client certificate there.
  Progress wait_for_tickets(tls::Client& client) {
    if (run_.trace.summary().version != tls::kTls13) return Progress::done;
    const Clock::time_point deadline =
        Clock::now() + (options_.resume ? options_.ticket_timeout : options_.idle_timeout);
    Progress progress = Progress::done;
    while (progress == Progress::done && !client.has_session()) {
      size_t size = 0;
      if (connection_.receive(room_, size, deadline) != Received::octets) break;
      progress = client.advance(std::span(room_).first(size), now());
    }
    return progress;
  }

  void add_missing_certificate() {
    const tls::HandshakeSummary summary = run_.trace.summary();
    if (!summary.complete || summary.resumed) return;
    const auto& messages = run_.trace.messages();
    const bool sent =
        std::any_of(messages.begin(), messages.end(), [](const tls::TracedMessage& message) {
          const auto* chain = std::get_if<tls::CertificateChain>(&message.essentials);
          return chain != nullptr && message.sender == tls::Role::server && chain->total > 0;
        });
    if (!sent) run_.problems.push_back({.kind = tls::VerificationProblem::Kind::missing});
  }

  const ProbeOptions& options_;
  const tls::ClientContext& context_;
  const ProbeReport& report_;
  BlockingConnection connection_;
  Clock::time_point begin_;
  HandshakeRun run_;
  std::array<uint8_t, 16 * 1024> room_{};
};

ProbeReport report_for(const ProbeOptions& options, const tls::ClientContext& context) {
  return {.host = options.host,
          .port = options.port,
          .server_name = options.server_name,
          .expected_name = options.expected_name,
          .resume = options.resume,
          .insecure = options.insecure,
          .lowered_security = context.lowered_security(),
          .suites = options.tls.suites};
}

}  // namespace

bool ProbeReport::succeeded() const {
  const bool all = std::all_of(runs.begin(), runs.end(), [this](const HandshakeRun& run) {
    return run.succeeded && (insecure || run.problems.empty());
  });
  return all && runs.size() == (resume ? 2U : 1U) &&
         (!resume || runs.back().trace.summary().resumed);
}

ProbeReport probe_handshake(const ProbeOptions& options, std::string& error) {
  const auto context = tls::ClientContext::make(options.tls, error);
  if (!context) return {};
  ProbeReport report = report_for(options, *context);
  tls::ClientSession session;
  for (int i = 0; i < (options.resume ? 2 : 1); ++i) {
    Probe probe(options, *context, report);
    session = probe.run(session);
    report.runs.push_back(probe.take_run());
    if (!session) break;
  }
  return report;
}

}  // namespace sluice::ops
