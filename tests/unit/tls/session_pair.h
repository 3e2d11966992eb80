// A session of ours and a client of OpenSSL that talk in memory, so that a test can cut, change,
// repeat or hold back what they say; and listener contexts of certificates made on the spot.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/unit/tls/made_certificates.h"
#include "tls/certificate.h"
#include "tls/listener_context.h"
#include "tls/openssl.h"
#include "tls/session.h"

namespace sluice::tls {

// As read from "PATH.pem" and "PATH.key"; aborts when it cannot be used.
std::shared_ptr<const Certificate> load_certificate(const MadeCertificate& made,
                                                    const std::string& path = "/made/site");
// Made once for all tests, as keys of RSA take long.
const MadeCertificate& made_localhost();

// One certificate for localhost, own ticket keys.
ListenerContext::Parts listener_parts(conf::Tls tls = {});
// Aborts when there is a problem.
std::shared_ptr<const ListenerContext> make_listener(ListenerContext::Parts&& parts,
                                                     const ListenerContext* previous = nullptr);

// What a client wants. It trusts everybody: who is who is tests/unit/tls/client_test.cc's matter.
struct ClientWish {
  int version = 0;  // the only one it speaks; 0: any
  std::string name = "localhost";
  std::string alpn;                        // in ALPN's form; empty: none
  std::string suites, groups, signatures;  // empty: OpenSSL's default
  const MadeCertificate* certificate = nullptr;
  SSL_SESSION* session = nullptr;  // to be resumed
  uint64_t options = 0;            // SSL_OP_...
};

class MemoryClient {
 public:
  explicit MemoryClient(const ClientWish& wish);

  // Takes records, and goes on with whatever it is at. False when it failed.
  bool give(std::string_view records);
  // What it wants to send.
  std::string take();
  void write(std::string_view plain);
  SSL* ssl() { return ssl_.get(); }

  bool established = false;
  bool failed = false;
  bool closed = false;       // it was told close_notify
  std::string plain;         // what it was told
  std::vector<int> alerts;   // descriptions of those it got, close_notify among them
  SslSessionPointer ticket;  // the newest

 private:
  static int on_ticket(SSL* ssl, SSL_SESSION* session);
  static void on_message(int is_written, int version, int type, const void* octets, size_t size,
                         SSL* ssl, void* client);

  ContextPointer context_;
  SslPointer ssl_;
};

// The session's side: what a connection would do with it.
class SessionEnd {
 public:
  explicit SessionEnd(const ListenerContext& context, uint64_t key_updates = 100)
      : workspace(key_updates), session(workspace, context) {}

  // Hands in `records`; what is left of them waits for the next time. Reads into rooms of
  // `room` octets.
  Session::Status give(std::string_view records);
  // What it wants to send.
  std::string take();

  Workspace workspace;
  Session session;
  size_t room = 64 * 1024;
  std::string plain;
  std::string rest;  // records that were not used
  Session::Status status = Session::Status::wants_records;

 private:
  void read();
};

// Both, with what goes between them.
struct SessionPair {
  // Changes what one side has just said; `flight` counts what either side said from 0.
  using Change = std::function<void(int flight, bool from_client, std::string& octets)>;

  SessionPair(const ListenerContext& context, const ClientWish& wish, uint64_t key_updates = 100)
      : server(context, key_updates), client(wish) {}
  // Keeps the context.
  SessionPair(std::shared_ptr<const ListenerContext> context, const ClientWish& wish,
              uint64_t key_updates = 100)
      : kept(std::move(context)), server(*kept, key_updates), client(wish) {}

  // Until neither has anything to say. Returns whether both are established and well.
  bool run(const Change& change = {});
  // What the client says now goes to the server, and the answers back.
  void send(std::string_view plain) {
    client.write(plain);
    run();
  }
  // What the server seals reaches the client.
  void answer(std::string_view plain);

  std::shared_ptr<const ListenerContext> kept;
  SessionEnd server;
  MemoryClient client;
  // Reaches the server in pieces of this size; 0: whole.
  size_t piece = 0;

 private:
  int flight_ = 0;
};

// Records of `octets`, each with its header. What is no whole record comes last.
std::vector<std::string> records_of(std::string_view octets);

}  // namespace sluice::tls
