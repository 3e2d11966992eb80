// A TLS transport on a real socket, and a client whose records a test sends and receives itself.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "protocol/block.h"
#include "server/net/tls_transport.h"
#include "unit/server/net/sockets.h"
#include "unit/tls/session_pair.h"

namespace sluice::net {

struct TlsRig {
  static constexpr uint64_t kBudget = 1024 * 1024;
  static constexpr uint64_t kHandshakes = 4;

  explicit TlsRig(const tls::ClientWish& wish = {}, Pair pair = tcp_pair(),
                  std::shared_ptr<const tls::ListenerContext> shared = nullptr)
      : context(shared ? std::move(shared) : tls::make_listener(tls::listener_parts())),
        peer(std::move(pair.theirs)),
        descriptor(pair.ours.release()),
        transport(std::make_unique<TlsTransport>(loop, descriptor, task, work, *context)),
        client(wish) {
    ignore_broken_pipes();
    EXPECT_EQ(transport->open(), 0);
  }
  ~TlsRig() {
    transport.reset();
    loop.forget(task);
  }

  // What has arrived at the client's end, without waiting. Stays closed once it ended.
  std::string arrived() {
    std::string octets;
    std::array<char, 65536> room;
    while (true) {
      const ssize_t count = recv(peer.get(), room.data(), room.size(), MSG_DONTWAIT);
      if (count == 0) at_end = true;
      if (count <= 0) return octets;
      octets.append(room.data(), static_cast<size_t>(count));
    }
  }
  void send_client() { send_all(peer.get(), client.take()); }
  bool turn_until_readable() {
    return turn_until(loop, [this] { return transport->readable(); });
  }

  // A turn of both: what the client says is taken, answered, and given to it.
  Handshake turn() {
    send_client();
    loop.run_once(std::chrono::milliseconds(0));
    const Handshake state = transport->handshake();
    if (transport->holds_output()) transport->flush(none, kBudget);
    client.give(arrived());
    return state;
  }
  void shake() {
    ASSERT_TRUE(turn_until(loop, [this] { return turn() == Handshake::done; }));
    ASSERT_TRUE(turn_until(loop, [this] {
      client.give(arrived());
      return client.established;
    }));
  }

  // How a handshake ends that the client says nothing more for.
  Handshake outcome() {
    Handshake state = Handshake::pending;
    turn_until(loop, [&] {
      if (state == Handshake::pending) state = transport->handshake();
      return state != Handshake::pending;
    });
    return state;
  }

  // All that comes until a read gives nothing more; the last status is kept.
  std::string read_all(size_t room = 16384) {
    std::string got;
    std::vector<char> memory(room);
    do {
      const ReadResult result = transport->read(memory);
      got.append(memory.data(), result.octets);
      last = result.status;
      if (result.octets == 0 && last == Io::blocked) break;
    } while (last == Io::progress || (last == Io::blocked && transport->readable()));
    return got;
  }
  // Flushes all of the chain while the client receives; returns the records.
  std::vector<std::string> records_of(Chain& chain, uint64_t budget = kBudget) {
    std::string wire;
    const bool done = turn_until(loop, [&] {
      const FlushResult result = transport->flush(chain, budget);
      EXPECT_NE(result.status, Io::failed);
      wire += arrived();
      return chain.empty() && !transport->holds_output();
    });
    EXPECT_TRUE(done);
    EXPECT_TRUE(turn_until(loop, [&] {
      wire += arrived();
      return transport->unsent() == 0;
    }));
    wire += arrived();
    client.give(wire);
    return tls::records_of(wire);
  }

  Loop loop;
  CountingTask task;
  TlsWork work{loop, kHandshakes, 100};
  std::shared_ptr<const tls::ListenerContext> context;
  Descriptor peer;
  int descriptor;  // the transport's
  std::unique_ptr<TlsTransport> transport;
  tls::MemoryClient client;
  Chain none;
  Io last = Io::progress;
  bool at_end = false;
};

inline Chain chain_of(const std::string& text) {
  Chain chain;
  chain.append(copy_of(text));
  return chain;
}

}  // namespace sluice::net
