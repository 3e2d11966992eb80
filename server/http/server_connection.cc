// Where a client's connection stands, and how it goes.
#include "server/http/server_connection.h"

#include <utility>

#include "tls/session.h"

namespace sluice::http {

ServerConnection::ServerConnection(ServerContext& context, Ref<ListenerSettings> listener,
                                   net::ConnectionSlot slot, const net::Peer& peer)
    : context_(context), listener_(std::move(listener)), slot_(std::move(slot)), peer_(peer) {}

ServerConnection::ServerConnection(ServerConnection& predecessor)
    : context_(predecessor.context_),
      listener_(predecessor.listener_),
      slot_(std::move(predecessor.slot_)),
      transport_(std::move(predecessor.transport_)),
      handshaken_(predecessor.handshaken_),
      sent_(predecessor.sent_),
      opened_at_(predecessor.opened_at_),
      state_since_(context_.loop.now()),
      peer_(predecessor.peer_) {
  transport_->wake_instead(*this);
  context_.by_address.remove(predecessor);
  context_.by_address.add(*this);
}

ServerConnection::~ServerConnection() { context_.loop.forget(*this); }

void ServerConnection::stand_on(ConnectionList* list) noexcept {
  if (list_ != nullptr) list_->remove(*this);
  list_ = list;
  if (list_ != nullptr) list_->push_back(*this);
}

bool ServerConnection::discard_input(uint64_t most) {
  const Ref<Block> block = context_.read_block();
  while (transport_->readable()) {
    const net::ReadResult result = transport_->read({block->data(), block->capacity()});
    discarded_ += result.octets;
    if (result.status == net::Io::end || result.status == net::Io::truncated ||
        result.status == net::Io::failed || discarded_ > most) {
      return true;
    }
    if (result.status == net::Io::blocked) break;
  }
  return false;
}

void ServerConnection::end_in_good_order() {
  if (handshaken_ != nullptr) transport_->shutdown_write();
}

void ServerConnection::leave() {
  stand_on(nullptr);
  // Without a transport, a successor stands there instead.
  if (transport_) context_.by_address.remove(*this);
  slot_ = net::ConnectionSlot();  // whoever comes in this very turn may have the place
  out_.clear();
  context_.loop.timers().cancel(*this);
  context_.loop.forget(*this);
  context_.loop.retire(std::unique_ptr<net::Retired>(this));
}

}  // namespace sluice::http
