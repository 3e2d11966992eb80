// A TLS client for people who want to watch: `sluice handshake` shakes hands with it, over any
// transport, and shows the trace. It goes through with handshakes that a browser would break off,
// and says what was wrong with the certificate.
//
// Invariants:
// 1. No socket, no clock: octets come and go by calls, time is given.
// 2. No secret leaves but into the key log, when its descriptor is given.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tls/handshake_trace.h"

namespace sluice::tls {

struct ClientOptions {
  uint16_t oldest_version = kTls12;
  uint16_t newest_version = kTls13;
  // Names of suites, IANA's or OpenSSL's, with colons or commas between; empty: OpenSSL's default.
  // Suites of one version only leave the other out.
  std::string suites;
  std::string authorities;        // a PEM file of those trusted; empty: the system's
  std::vector<std::string> alpn;  // each of 1 to 255 octets
  int key_log = -1;               // a descriptor for NSS key log lines, not owned; -1: none
};

// What a peer's certificate failed in.
struct VerificationProblem {
  enum class Kind : uint8_t {
    untrusted,    // no trusted authority above it
    self_signed,  // it vouches for itself, and is not trusted
    expired,
    not_yet_valid,
    wrong_name,  // it is for other names
    missing,     // the server sent none
    other,
  };
  Kind kind = Kind::other;
  size_t depth = 0;    // 0: the server's own certificate, 1: its issuer ...
  std::string reason;  // OpenSSL's words
};

// A session to resume; moves, and may be empty.
class ClientSession {
 public:
  struct State;
  ClientSession();
  explicit ClientSession(std::unique_ptr<State> state);
  ClientSession(ClientSession&&) noexcept;
  ClientSession& operator=(ClientSession&&) noexcept;
  ~ClientSession();

  explicit operator bool() const noexcept { return state_ != nullptr; }
  [[nodiscard]] const State* state() const noexcept { return state_.get(); }

 private:
  std::unique_ptr<State> state_;
};

// Options made ready. Must outlive its clients. Any thread, one at a time.
class ClientContext {
 public:
  struct State;
  // Null when the options cannot be had; `error` then says which and why.
  [[nodiscard]] static std::unique_ptr<ClientContext> make(const ClientOptions& options,
                                                           std::string& error);
  explicit ClientContext(std::unique_ptr<State> state);
  ~ClientContext();
  ClientContext(const ClientContext&) = delete;
  ClientContext& operator=(const ClientContext&) = delete;

  [[nodiscard]] const State& state() const noexcept { return *state_; }
  // Whether the suites asked for are below the security level that is OpenSSL's default, which was
  // therefore given up.
  [[nodiscard]] bool lowered_security() const noexcept;

 private:
  std::unique_ptr<State> state_;
};

class Client {
 public:
  enum class Progress : uint8_t { working, done, failed };

  // `server_name` is sent as SNI, unless empty; `expected_name` is the host name or address that
  // the certificate must be for. `trace` must outlive the client.
  Client(const ClientContext& context, const std::string& server_name,
         const std::string& expected_name, HandshakeTrace& trace);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Before the first call of advance().
  void resume(const ClientSession& session);

  // Goes on with what was `received`, which may be nothing; `at` is the trace's time. Once done, it
  // takes in what the server says unasked: tickets. take_output() after each call.
  Progress advance(std::span<const uint8_t> received, std::chrono::microseconds at);
  // The transport has ended.
  Progress end_of_input(std::chrono::microseconds at);
  // Says close_notify, so that the session may be resumed.
  void close(std::chrono::microseconds at);
  // What must be sent, an alert after a failure included; empty: nothing.
  [[nodiscard]] std::vector<uint8_t> take_output();

  [[nodiscard]] const std::string& error() const noexcept;  // OpenSSL's words for the failure
  // The first octets that came, at most 32: what speaks there, if not TLS.
  [[nodiscard]] const std::string& first_octets() const noexcept;
  // What is wrong with the certificate, in the order found; empty when nothing is, or nothing came.
  [[nodiscard]] const std::vector<VerificationProblem>& problems() const noexcept;
  // Whether there is a session that could be resumed (TLS 1.3: a ticket came).
  [[nodiscard]] bool has_session() const;
  [[nodiscard]] ClientSession session() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::tls
