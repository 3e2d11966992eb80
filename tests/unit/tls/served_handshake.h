// A real client of OpenSSL and a Session of ours that shake hands in memory, with certificates made
// on the spot; and a way to change octets, or to send none that a client would.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tls/handshake_report.h"
#include "tls/listener_context.h"
#include "tls/openssl.h"
#include "tls/session.h"
#include "unit/tls/made_certificates.h"

namespace sluice::tls {

struct ServedOptions {
  conf::Tls tls;
  // What a certificate says; default: of "site.example", ECDSA, an intermediate below a root.
  std::vector<CertificateWish> certificates = {{.names = {"site.example"}}};
  bool sends_intermediate = true;
  bool self_signed = false;
};

std::shared_ptr<const ListenerContext> make_served_context(const ServedOptions& options);

class ServedHandshake {
 public:
  // Changes what one side has just written; `flight` counts from 0 for all that both have sent.
  using Change = std::function<void(int flight, std::string& octets)>;

  explicit ServedHandshake(const ServedOptions& options = {})
      : ServedHandshake(make_served_context(options)) {}
  explicit ServedHandshake(std::shared_ptr<const ListenerContext> context);

  // The client, to be told what to offer; trusts everybody.
  SSL_CTX* client() { return client_context_.get(); }
  void set_client_name(std::string name) { name_ = std::move(name); }

  // Until neither has anything to say, or at most `flights`. Returns the last of the server's.
  Session::Status run(const Change& change = {}, int flights = 20);
  // The server is given these octets.
  Session::Status give(std::string_view octets);

  const ListenerContext& context() const { return *context_; }
  const Session& session() const { return session_; }
  const HandshakeReport& report() const { return *session_.report(); }

 private:
  std::shared_ptr<const ListenerContext> context_;
  Workspace workspace_{10};
  Session session_;
  ContextPointer client_context_;
  std::string name_ = "site.example";
};

}  // namespace sluice::tls
