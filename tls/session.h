// A TLS connection's state without its socket: it is given records and gives plain octets, and the
// other way round (RFC 8446, RFC 5246).
//
// Invariants:
//   1. A session knows no descriptor and no clock. Records lie in memory that its caller lends for
//   the length of a call; what it wants to say goes into the workspace's output.
//   2. Between calls it holds an unfinished record that came in, and nothing else that grows with
//   what passes through it.
//   3. An error is for good: the alert that it takes lies in the output (a flood of key updates has
//   none), and no plain octet comes any more.
//   4. No secret leaves it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sluice::tls {

class ListenerContext;
class UpstreamContext;
struct Choice;
struct HandshakeReport;

// Why TLS with an upstream came to nothing. The views last as long as the process.
struct SessionFailure {
  // RFC 9209 section 2.3: "tls_certificate_error", "tls_alert_received", "tls_protocol_error" ...
  // Empty: nothing failed, or it was the connection below.
  std::string_view error;
  std::string_view cause;  // for the log: "upstream's certificate has expired"
  int alert = -1;          // the description of the alert received (RFC 8446 section 6.2); -1: none
};

// Memory that the sessions of one worker work in, one after the other. Thread: the worker's;
// outlives its sessions.
class Workspace {
 public:
  static constexpr size_t kRecord = 16 * 1024;  // plain octets of a record, RFC 8446 section 5.1
  // A record with its header, padding, tag and, in TLS 1.0, vector and block.
  static constexpr size_t kSealedRecord = kRecord + 512;
  static constexpr size_t kGathered = 4 * kRecord + 2048;  // four records, and the head before them

  // `key_updates`: how many messages of the handshake protocol a peer may send after the
  // handshake.
  explicit Workspace(uint64_t key_updates);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  // Room for what a socket gives.
  std::span<char> records() noexcept { return records_; }
  // Room for what is gathered to become records.
  std::span<char> plain() noexcept { return plain_; }
  // Records that sessions made since it was last cleared.
  std::string_view output() const noexcept { return {output_.get(), output_size_}; }
  void clear_output() noexcept { output_size_ = 0; }
  // Whether write() may be called.
  bool takes_record() const noexcept { return room_for_records() > 0; }
  // How often it may be, for records of any size.
  size_t room_for_records() const noexcept { return (kOutput - output_size_) / kSealedRecord; }

 private:
  friend class Session;
  struct Io;
  // What a handshake's flight, or the answers to a read, may take beside full records.
  static constexpr size_t kOutput = 5 * kSealedRecord + 2 * kRecord;
  static constexpr size_t kRecords = 32 * 1024;

  const uint64_t key_updates_;
  const std::unique_ptr<char[]> memory_;
  const std::span<char> records_;
  const std::span<char> plain_;
  const std::unique_ptr<char[]> output_;
  size_t output_size_ = 0;
  std::string_view input_;  // lent for the length of a call
  const std::unique_ptr<Io> io_;
};

class Session {
 public:
  enum class Status : uint8_t {
    done,           // handshake: it is complete; read: the room is full, or there may be more
    wants_records,  // all records are used up
    closed,         // read: the peer said that it will send no more (close_notify)
    clear_text,     // handshake: the client speaks HTTP without TLS; nothing was taken
    failed,
  };
  struct Plain {
    Status status;
    size_t octets;  // put into the room, whatever the status
  };

  // The server's role. Both outlive the session.
  Session(Workspace& workspace, const ListenerContext& context);
  // The client's role: the first handshake() needs no records, and gives the ClientHello. It has
  // no report and no choice. Both outlive the session.
  Session(Workspace& workspace, const UpstreamContext& context);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Goes on with the handshake; takes what it uses off the front of `records`. `at`: since the
  // connection was opened, for the trace. In the client's role `done` means as well that the
  // upstream is who it should be, and that the HTTP version is one that was offered.
  [[nodiscard]] Status handshake(std::string_view& records, std::chrono::microseconds at);
  bool established() const noexcept { return established_; }
  bool failed() const noexcept { return failed_; }
  // In the client's role: why it failed.
  SessionFailure failure() const noexcept;
  // It failed because of Workspace's key_updates.
  bool flooded() const noexcept { return late_messages_ > workspace_.key_updates_; }

  // Decrypts into `room` (not empty) until it is full or the records are used up.
  [[nodiscard]] Plain read(std::string_view& records, std::span<char> room);
  // Whether read() gives something without further records.
  bool pending() const noexcept;

  // Makes one record of `plain`: 1 to Workspace::kRecord octets. False when the session is broken.
  // Requires: established, and the workspace takes a record.
  [[nodiscard]] bool write(std::string_view plain);
  // Says close_notify, once (RFC 8446 section 6.1).
  void close();

  // What is known of the handshake, until forget_handshake(); null after it, and in the client's
  // role.
  const HandshakeReport* report() const noexcept { return report_.get(); }
  HandshakeReport* report() noexcept { return report_.get(); }
  void forget_handshake() noexcept;

  // Of an established session. The views last as long as the process.
  std::string_view protocol() const noexcept;  // "TLSv1.3"
  std::string_view suite() const noexcept;     // "TLS_AES_128_GCM_SHA256"
  bool resumed() const noexcept;
  // By ALPN (RFC 9113 section 3.2); else it is HTTP/1.1.
  bool speaks_http2() const noexcept { return speaks_http2_; }
  // What the client's name led to. Requires: the server's role.
  const Choice& choice() const noexcept { return *choice_; }
  // The subject of the certificate that the client showed and that was verified (RFC 2253's form);
  // empty without one.
  std::string_view client_subject() const noexcept {
    return client_subject_ ? std::string_view(*client_subject_) : std::string_view();
  }

 private:
  friend struct SessionCallbacks;
  struct FreeSsl {
    void operator()(void* ssl) const noexcept;
  };

  class Lending;
  void lend_workspace();
  Status status_of(int result) noexcept;
  Status take_step(std::string_view& records);
  Status conclude_handshake();
  Status conclude_as_client();
  Status fail_as_client(const SessionFailure& failure) noexcept;
  void note_failure();
  void note_message(bool is_ours, int content_type, std::span<const uint8_t> message);

  Workspace& workspace_;
  // One of the two: it decides the role.
  const ListenerContext* const context_ = nullptr;
  const UpstreamContext* const upstream_ = nullptr;
  std::unique_ptr<void, FreeSsl> ssl_;
  const Choice* choice_ = nullptr;
  std::unique_ptr<HandshakeReport> report_;
  std::unique_ptr<const std::string> client_subject_;
  std::chrono::microseconds at_{};  // of the running call of handshake()
  // After the handshake: of the handshake protocol, and alerts to such.
  uint32_t late_messages_ = 0;
  bool established_ = false;
  bool failed_ = false;
  bool closing_ = false;
  bool speaks_http2_ = false;
  SessionFailure failure_;  // in the client's role
};

}  // namespace sluice::tls
