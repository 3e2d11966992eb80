// Our side of a connection to an upstream, whatever version of HTTP it speaks: requests go out,
// responses come back to whoever asked.
//
// The only link between a client's exchange and an upstream's connection is ResponseReceiver <->
// ClientStream, and whichever goes first cuts it: the stream by calling on_end() or on_failed(),
// the receiver by calling cancel().
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "protocol/body.h"
#include "protocol/fields.h"
#include "protocol/message.h"
#include "protocol/owner.h"
#include "protocol/slice.h"
#include "server/http/upstream_failure.h"
#include "server/net/loop.h"
#include "server/net/pipe.h"
#include "server/net/timers.h"

namespace sluice::http {

// Who sent a request, and takes what comes back. Called from the connection's turn, on its loop,
// never from within a call to the stream or the connection. May only set state, and call wake() and
// cancel() of the stream.
class ResponseReceiver {
 public:
  // Interim (1xx) heads in order, then the final one. `head` is scratch: swap its contents out to
  // keep them. `has_body`: content follows a final one (of which the last call may be on_end() at
  // once).
  virtual void on_response_head(ResponseHead& head, bool has_body) = 0;
  virtual void on_response_body(Slice octets) = 0;
  // A pipe through which long content may go, unseen; null: none, it comes as slices. Asked at most
  // once while there is one.
  virtual Ref<net::Pipe> response_pipe() { return {}; }
  // In place of on_response_body(): `octets` more lie in `pipe`, response_pipe()'s.
  virtual void on_response_piped(net::Pipe& pipe, size_t octets) { (void)pipe, (void)octets; }
  // Before on_response_end(); views are valid during the call only.
  virtual void on_response_trailers(const FieldList& trailers) = 0;
  // The response is whole. The stream is gone; what was not sent of the request never will be.
  virtual void on_response_end() = 0;
  // There is no whole response. The stream is gone.
  virtual void on_response_failed(const UpstreamFailure& failure) = 0;
  // More octets of content may come. Asked before each read.
  virtual bool wants_response_body() const = 0;

 protected:
  ~ResponseReceiver() = default;
};

// One request's place on an upstream's connection. Owned by the connection.
class ClientStream {
 public:
  // The request's content, or room for the response's, is there: run the connection. Idempotent,
  // never re-enters.
  virtual void wake() = 0;
  // `octets` of the response's content went on to the client; `drained`: nothing of it waits any
  // more.
  virtual void consumed(uint64_t octets, bool drained) = 0;
  // The response is not wanted any more: the receiver, and the request's content, are not touched
  // from here on. HTTP/1 closes the connection, HTTP/2 resets the stream.
  virtual void cancel() = 0;
  // Which costs a connection.
  virtual bool cancel_closes_connection() const noexcept { return false; }

 protected:
  ~ClientStream() = default;
};

// A request as it goes upstream.
struct UpstreamRequest {
  // What is sent: target, authority, fields; `expects_continue` has Expect sent. Stays until the
  // stream is gone.
  const RequestHead* head = nullptr;
  // Pulled until it ends; null: none. `failed` from it cuts the request. Stays likewise.
  BodySource* body = nullptr;
  // Of the body; nothing: not known.
  std::optional<uint64_t> length = {};
};

class ClientConnection;

// Who keeps connections. Called from the connection's turn.
class ClientConnectionOwner {
 public:
  // It takes a request, or another one: an HTTP/1 connection has become idle, an HTTP/2 one may
  // open a stream again, or is without any.
  virtual void on_available(ClientConnection& connection) = 0;
  // It takes none any more: closed, or about to be when its streams have ended (GOAWAY, "close").
  // Called once. The connection frees itself, through Loop::retire, when the last one has.
  virtual void on_ended(ClientConnection& connection) = 0;

 protected:
  ~ClientConnectionOwner() = default;
};

// Thread: the worker's. Made around a connected transport whose TLS handshake is done.
class ClientConnection : public net::Task, public net::Retired {
 public:
  ~ClientConnection() override = default;

  // Another request may be sent now. False when the upstream's FIN, or octets that nobody asked
  // for, are known to lie in the socket.
  virtual bool takes_request() = 0;
  // Begins one. Requires: takes_request(). It leaves with the connection's next turn.
  virtual ClientStream& send(const UpstreamRequest& request, ResponseReceiver& receiver) = 0;
  // Looks into the socket, with a system call: false when the upstream has closed since.
  virtual bool still_open() = 0;
  // No request is under way.
  virtual bool idle() const noexcept = 0;
  // Since when, on the loop's clock. Requires: idle().
  virtual net::Time idle_since() const noexcept = 0;
  // Requests that it has sent.
  virtual uint64_t requests() const noexcept = 0;
  // How long the upstream says it keeps the connection when idle (`Keep-Alive: timeout=`).
  virtual std::optional<std::chrono::seconds> announced_timeout() const noexcept = 0;
  // The upstream closed it while it was idle; idle_since() tells since when it was.
  virtual bool closed_while_idle() const noexcept = 0;
  // A request's content may come as what lies in a pipe.
  virtual bool splices() const noexcept { return false; }
  // "HTTP/1.1" or "HTTP/2.0".
  virtual std::string_view protocol() const noexcept = 0;
  // Ends it: at once when idle, else after what is under way. on_ended() is not called any more.
  virtual void close() = 0;

  // What has to outlive the connection, which may be freed when its loop is: what it works in, its
  // TLS context, and its place among all connections.
  void keep(std::shared_ptr<const void> resources, std::shared_ptr<const void> context,
            std::shared_ptr<const void> place = {}) noexcept {
    resources_ = std::move(resources);
    context_ = std::move(context);
    place_ = std::move(place);
  }

 private:
  std::shared_ptr<const void> resources_;
  std::shared_ptr<const void> context_;
  std::shared_ptr<const void> place_;
};

}  // namespace sluice::http
