// The steps, and what goes wrong at each.
#include "server/handler/proxy/connecting.h"

#include <sys/socket.h>

#include <utility>

#include "server/http/h1_client_connection.h"
#include "server/http/h2_client_connection.h"
#include "tls/session.h"

namespace sluice::handler::proxy {

namespace {

constexpr http::UpstreamFailure kNotWatched{
    .status = 503, .error = "proxy_internal_error", .cause = "no memory to watch a socket"};

}  // namespace

Connecting::Connecting(http::WorkerResources& resources, const ClientLimits& limits,
                       Upstream& upstream, http::ClientConnectionOwner& owner,
                       ConnectingEvents& events, std::string prelude, ConnectionPlaces::Place place)
    : resources_(resources),
      kept_resources_(resources.shared_from_this()),
      limits_(limits),
      upstream_(upstream),
      owner_(owner),
      events_(&events),
      prelude_(std::move(prelude)),
      place_(std::move(place)),
      connector_(resources.loop, *this) {}

Connecting::~Connecting() { stop(); }

void Connecting::start(std::span<const net::SocketAddress> addresses) {
  connector_.start(addresses, resources_.limits.upstream_connect_timeout);
}

void Connecting::stop() noexcept {
  events_ = nullptr;
  connector_.stop();
  resources_.loop.timers().cancel(*this);
  resources_.loop.forget(*this);
}

void Connecting::on_connected(net::Descriptor descriptor, const net::SocketAddress& address) {
  address_ = address;
  if (!send_prelude(descriptor.get())) {
    return fail({.error = "connection_terminated", .cause = "upstream closed at once"});
  }
  const bool http2 = upstream_.target().http2 == conf::UpstreamTarget::Http2::always;
  if (!upstream_.target().tls) {
    std::unique_ptr<net::SocketTransport> socket(
        new net::SocketTransport(resources_.loop, descriptor.release(), *this));
    if (socket->open() != 0) return fail(kNotWatched);
    return finish(std::move(socket), http2);
  }
  context_ = upstream_.tls();
  transport_.reset(new net::TlsTransport(resources_.loop, descriptor.release(), *this,
                                         resources_.tls_work(), *context_));
  if (transport_->open() != 0) return fail(kNotWatched);
  resources_.loop.timers().set(*this,
                               resources_.loop.now() + resources_.limits.upstream_connect_timeout);
  shake_hands();
}

// A socket this young has room for it.
bool Connecting::send_prelude(int descriptor) const {
  if (prelude_.empty()) return true;
  const ssize_t sent =
      ::send(descriptor, prelude_.data(), prelude_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent == static_cast<ssize_t>(prelude_.size());
}

void Connecting::on_connect_failed(const net::ConnectFailure& failure) {
  const bool late = failure.error == "connection_timeout";
  fail({.status = late ? 504 : 502,
        .error = failure.error,
        .cause = failure.cause,
        .limit = failure.limit,
        .unread = true});
}

// --- TLS -----------------------------------------------------------------------------------------

void Connecting::run() {
  if (events_ != nullptr && transport_) shake_hands();
}

void Connecting::shake_hands() {
  const net::Handshake progress = transport_->handshake();
  // What the handshake wants to say, an alert after a failure included.
  const bool sent = flush_handshake();
  if (progress == net::Handshake::done) {
    const bool http2 = transport_->session()->speaks_http2();
    return finish(std::move(transport_), http2);
  }
  if (progress == net::Handshake::pending && sent) return;
  const tls::Session& session = *transport_->session();
  const bool told = session.failed();
  fail({.error = told ? session.failure().error : "connection_terminated",
        .cause = told ? session.failure().cause : "upstream closed during the TLS handshake",
        .unread = true});
}

bool Connecting::flush_handshake() {
  if (!transport_->holds_output()) return true;
  Chain nothing;
  return transport_->flush(nothing, resources_.limits.turn_write).status != net::Io::failed;
}

void Connecting::on_timer() {
  fail({.status = 504,
        .error = "connection_timeout",
        .cause = "upstream did not finish the TLS handshake in time",
        .limit = "upstream_connect_timeout",
        .unread = true});
}

// --- The end -------------------------------------------------------------------------------------

void Connecting::finish(std::unique_ptr<net::Transport> transport, bool http2) {
  ConnectingEvents* const events = std::exchange(events_, nullptr);
  stop();
  http::ClientConnection* made = nullptr;
  if (http2) {
    auto* const connection = new http::H2ClientConnection(resources_, limits_.h2, owner_);
    connection->open(std::move(transport));
    made = connection;
  } else {
    auto* const connection = new http::H1ClientConnection(resources_, limits_.h1, owner_);
    connection->open(std::move(transport));
    made = connection;
  }
  made->keep(resources_.shared_from_this(), std::move(context_), std::move(place_));
  events->on_connected(*this, *made, address_, http2);
}

void Connecting::fail(const http::UpstreamFailure& failure) {
  ConnectingEvents* const events = std::exchange(events_, nullptr);
  stop();
  if (events != nullptr) events->on_connect_failed(*this, failure);
}

}  // namespace sluice::handler::proxy
