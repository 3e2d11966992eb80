// What every client's connection has in common, whatever version of HTTP it speaks: its transport,
// its place among its worker's connections, its end, and what the log is told of it.
//
// A connection begins as HTTP/1 (h1_server_connection.h); the one that turns out to speak HTTP/2
// takes its place (h2_server_connection.h). Thread: the worker's.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "protocol/chain.h"
#include "protocol/codec_sink.h"
#include "server/http/exchange.h"
#include "server/http/server_context.h"
#include "server/net/connection_slot.h"
#include "server/net/listener.h"
#include "server/net/loop.h"
#include "server/net/transport.h"

namespace sluice::http {

class ServerConnection : public net::Task, public net::Timer, public net::Retired {
 public:
  ~ServerConnection() override;

  // Closes in good order: at once when idle, else after the exchanges that run.
  virtual void drain() = 0;
  // Gives up now; what was not sent is lost, visibly.
  virtual void abort(std::string_view cause, std::string_view limit = {}) = 0;
  // A reload has replaced what the connection was opened with.
  virtual void on_rules_replaced() {}
  // Octets of memory that are there for this connection only because it is: what waits to be sent
  // or to be pulled, and the block it reads into. Idle ones hold little.
  virtual uint64_t held() const noexcept = 0;
  // And what the kernel keeps for a peer that does not read. Costs a system call when sending.
  uint64_t held_with_kernel() const noexcept {
    return held() + (sending() ? transport_->unsent() : 0);
  }
  net::Time state_since() const noexcept { return state_since_; }
  bool idle() const noexcept { return list_ == &context_.idle; }
  net::AddressBlock address_block() const noexcept { return peer_.block; }

 protected:
  // How an exchange ended, for the log.
  struct ExchangeEnd {
    int status;       // 0: no head was written
    uint64_t octets;  // of content, framed
    bool complete;
    bool peer_left;  // of an incomplete one: it was the peer who ended it
  };

  // `slot` counts the connection as its worker's for as long as it lives.
  ServerConnection(ServerContext& context, Ref<ListenerSettings> listener, net::ConnectionSlot slot,
                   const net::Peer& peer);
  // Takes the place of `predecessor`, which has no transport any more and is to be retired. The
  // transport's events wake this task.
  explicit ServerConnection(ServerConnection& predecessor);

  // Puts the connection on a list of its context, behind all others; null: on none.
  void stand_on(ConnectionList* list) noexcept;
  bool stands_on(const ConnectionList* list) const noexcept { return list_ == list; }
  bool sending() const noexcept { return !out_.empty() || transport_->holds_output(); }

  bool peer_left() const noexcept {
    return transport_->broken() || transport_->peer_closed() || peer_ended_;
  }

  // Closing with unread octets would send RST, which can destroy what the client has not read yet
  // (RFC 9112 section 9.6): so after our FIN, what still comes is read and dropped for a while.
  // Returns true when that is over, for `most` octets or the client's end.
  bool discard_input(uint64_t most);
  // The peer has ended, and so do we. Over TLS that is said, to it as well (RFC 8446 section 6.1,
  // RFC 9112 section 9.8).
  void end_in_good_order();
  // Off all lists and queues; freed at the end of the iteration.
  void leave();

  // What the log is told (server_connection_records.cc).
  void record(Exchange& exchange, const ExchangeEnd& end);
  // A request that never became an exchange.
  void record_refusal(const ProtocolError& error);
  // Responses that were framed whole, and recorded, did not leave whole; or there was no request.
  void record_cut(std::string_view cause, std::string_view limit, std::string_view phase);
  void record_handshake(HandshakeEnd end);

  ServerContext& context_;
  const Ref<ListenerSettings> listener_;
  net::ConnectionSlot slot_;
  std::unique_ptr<net::Transport> transport_;
  tls::Session* handshaken_ = nullptr;  // the transport's, over TLS
  Chain out_;

  uint64_t sent_ = 0;       // octets given to the kernel on this connection
  uint64_t discarded_ = 0;  // octets read and dropped
  net::Time opened_at_{};
  net::Time state_since_{};
  bool peer_ended_ = false;  // a read met the peer's FIN
  net::Peer peer_;

 private:
  friend ConnectionList;
  Links<ServerConnection>& links(ListKind kind) noexcept {
    return links_[static_cast<size_t>(kind)];
  }

  std::string_view deciding_rule(std::string_view limit, const Exchange* exchange) const noexcept;

  std::array<Links<ServerConnection>, 2> links_{};  // by ListKind
  ConnectionList* list_ = nullptr;
};

}  // namespace sluice::http
