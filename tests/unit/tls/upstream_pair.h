// A session of ours in the client's role and a server of OpenSSL that talk in memory, and targets
// with the files that they name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conf/configuration.h"
#include "tests/unit/tls/made_certificates.h"
#include "tls/openssl.h"
#include "tls/session.h"
#include "tls/upstream_context.h"

namespace sluice::tls {

// What an upstream is like.
struct UpstreamWish {
  const MadeCertificate* certificate = nullptr;  // null: made_localhost()
  std::vector<const MadeCertificate*> chain{};   // sent after it
  int oldest = TLS1_2_VERSION;
  int newest = TLS1_3_VERSION;
  // Chosen by ALPN whatever is offered; empty: none.
  std::string protocol{};
  bool asks_for_certificate = false;  // and goes on with none but the one of an authority ...
  const MadeCertificate* authority = nullptr;  // ... which is this
};

// An upstream that lives on, so that sessions may be resumed with it.
class MemoryUpstream {
 public:
  explicit MemoryUpstream(const UpstreamWish& wish);
  SSL_CTX& context() { return *context_; }
  const std::string& protocol() const { return protocol_; }

 private:
  const std::string protocol_;
  ContextPointer context_;
};

// One connection, as the upstream sees it.
class UpstreamEnd {
 public:
  explicit UpstreamEnd(MemoryUpstream& upstream);

  bool give(std::string_view records);
  std::string take();
  void write(std::string_view plain);
  SSL* ssl() { return ssl_.get(); }
  std::string server_name() const;         // that it was asked for
  std::string offered() const;             // by ALPN, as on the wire
  std::string client_certificate() const;  // its subject; empty without one

  bool established = false;
  bool failed = false;
  std::string plain;
  std::vector<int> alerts;  // that it got

 private:
  SslPointer ssl_;
  std::string offered_;
};

// Both, with what goes between them.
struct UpstreamPair {
  UpstreamPair(const UpstreamContext& context, MemoryUpstream& upstream, uint64_t key_updates = 100)
      : workspace(key_updates), session(workspace, context), upstream_end(upstream) {}

  // Until neither has anything to say. Returns whether both are established and well.
  bool run();
  // Gives the session `records`; what it reads comes to `plain`.
  Session::Status give(std::string_view records);
  std::string take();

  Workspace workspace;
  Session session;
  UpstreamEnd upstream_end;
  std::string plain;
  std::string rest;
  size_t piece = 0;  // reaches the session in pieces of this size; 0: whole
  Session::Status status = Session::Status::wants_records;
};

// A target for "localhost" with what is to be trusted in a file of `folder`.
conf::UpstreamTarget target_of(const CertificateFolder& folder, const MadeCertificate& authority);
// Aborts when there is a problem.
std::shared_ptr<const UpstreamContext> make_upstream(const conf::UpstreamTarget& target);

}  // namespace sluice::tls
