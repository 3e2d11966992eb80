// A connection's byte stream over TLS: its socket's octets are records, and what its connection
// reads and writes is what lies in them.
//
// Invariants:
//   1. Records are made when they are sent: what a peer does not take stays plain, in its chain; at
//   most what one flush has sealed waits here.
//   2. Reading sends nothing: what a handshake wants to say leaves with the next flush, together
//   with what else is to be sent. Only the alert to records that cannot be opened leaves at once.
//   3. Between turns an idle connection holds no octet here.
//   4. An end without close_notify is told apart from a good one (RFC 8446 section 6.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "server/net/kept_octets.h"
#include "server/net/loop.h"
#include "server/net/transport.h"
#include "tls/session.h"

namespace sluice::net {

// What the TLS connections of one worker share. Thread: the worker's; outlives its transports.
class TlsWork {
 public:
  // `handshakes`: how many may go a step in one iteration of the loop, so that a flood of them does
  // not keep open connections waiting.
  // `key_updates`: as the workspace has it.
  TlsWork(Loop& loop, uint64_t handshakes, uint64_t key_updates)
      : loop_(loop), handshakes_(handshakes), workspace_(key_updates) {}

  tls::Workspace& workspace() noexcept { return workspace_; }
  // Whether a handshake may go on now; else in another round.
  bool take_turn() noexcept;

 private:
  Loop& loop_;
  const uint64_t handshakes_;
  uint64_t left_ = 0;
  Time iteration_{};
  tls::Workspace workspace_;
};

// Thread: the loop's. Events wake `task`, as those of its socket do.
class TlsTransport final : public Transport {
 public:
  // As SocketTransport's; `context` outlives the transport.
  TlsTransport(Loop& loop, int descriptor, Task& task, TlsWork& work,
               const tls::ListenerContext& context);
  // The client's role: the first handshake() gives the ClientHello, which leaves with the next
  // flush. `context` outlives the transport.
  TlsTransport(Loop& loop, int descriptor, Task& task, TlsWork& work,
               const tls::UpstreamContext& context);
  [[nodiscard]] int open() { return socket_.open(); }

  void wake_instead(Task& task) noexcept override {
    task_ = &task;
    socket_.wake_instead(task);
  }
  Handshake handshake() override;
  tls::Session* session() noexcept override { return bare_ ? nullptr : &session_; }

  ReadResult read(std::span<char> room) override;
  FlushResult flush(Chain& chain, uint64_t budget) override;
  bool holds_output() const noexcept override { return !unsent_.empty(); }
  bool readable() const noexcept override;
  bool writable() const noexcept override { return socket_.writable(); }
  bool broken() const noexcept override { return socket_.broken(); }
  bool peer_closed() const noexcept override { return closed_ || socket_.peer_closed(); }
  sockaddr_storage local_address() const noexcept override { return socket_.local_address(); }
  uint64_t unsent() const noexcept override { return socket_.unsent(); }
  uint64_t held() const noexcept override { return unsent_.capacity() + unread_.capacity(); }
  void finish() noexcept override { finishing_ = true; }
  void limit_unsent(int octets) noexcept override { socket_.limit_unsent(octets); }
  void shutdown_write() noexcept override;
  void reset_on_close() noexcept override { socket_.reset_on_close(); }

 private:
  Handshake step_handshake();
  bool receive();
  bool next_records();
  void keep_rest(std::string_view rest);
  ReadResult read_nothing();
  ReadResult read_bare(std::span<char> room);
  ReadResult read_unopened(std::span<char> room);
  bool seal(Chain& chain, uint64_t budget);
  std::string_view gather(Chain& chain, uint64_t budget, bool& cut);
  bool seal_octets(std::string_view octets);
  FlushResult send_sealed(bool more_follows);
  size_t record_size() const noexcept;

  Loop& loop_;
  Task* task_;
  TlsWork& work_;
  SocketTransport socket_;
  tls::Session session_;
  const Time opened_at_;
  KeptOctets unread_;  // records that came and are not opened yet
  KeptOctets unsent_;  // records that the socket did not take yet
  // Of a running call: what is to be opened, and whether it lies in the workspace or in unread_.
  std::string_view arrived_;
  bool from_socket_ = false;
  Io ended_ = Io::progress;  // how the socket's reading side stands: end and failed are for good
  uint32_t young_left_;      // plain octets that still go in small records
  bool closed_ = false;      // the peer said close_notify
  bool finishing_ = false;   // close_notify goes with what is sent last
  bool end_told_ = false;    // whoever reads knows of the end
  bool bare_ = false;        // the peer speaks HTTP without TLS, and so do we now
  bool hello_due_ = false;   // it is for us to begin the handshake
};

}  // namespace sluice::net
