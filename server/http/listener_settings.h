// What the connections of one listener share: its limits, rendered for the codec and for responses.
//
// Made for each worker (its count is plain) when the worker starts and at each reload. A connection
// keeps the settings that it was opened with, so that no deadline moves under it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "conf/configuration.h"
#include "protocol/h1/codec.h"
#include "protocol/h2/limits.h"
#include "protocol/owner.h"
#include "tls/listener_context.h"

namespace sluice::http {

// What bounds the messages and the connections of HTTP/2; heads and trailers have the limits of
// HTTP/1's.
h2::Limits h2_limits(const conf::Limits& limits) noexcept;

// Thread: the worker's. Immutable.
class ListenerSettings final : public Owner {
 public:
  // `index`: the listener's, as sockets arrive with it (net::Peer::listener).
  // `trusted`: the peers whose X-Request-ID is taken over.
  // `tls`: null for clear text.
  // `http2`: clear text that begins with HTTP/2's preface is HTTP/2 (RFC 9113 section 3.3).
  // `proxy_protocol`: connections of trusted peers begin with its header; there are no others.
  ListenerSettings(uint32_t index, conf::LimitSet limits,
                   std::vector<conf::AddressBlock> trusted = {},
                   std::shared_ptr<const tls::ListenerContext> tls = nullptr, bool http2 = true,
                   bool proxy_protocol = false, uint16_t port = 0);

  uint32_t index() const noexcept { return index_; }
  const conf::Limits& limits() const noexcept { return limits_.values; }
  const conf::LimitSet& limit_set() const noexcept { return limits_; }
  const h1::Limits& h1_limits() const noexcept { return h1_limits_; }
  const h2::Limits& h2_limits() const noexcept { return h2_limits_; }
  const std::vector<conf::AddressBlock>& trusted() const noexcept { return trusted_; }
  const tls::ListenerContext* tls() const noexcept { return tls_.get(); }
  bool http2() const noexcept { return http2_; }
  bool proxy_protocol() const noexcept { return proxy_protocol_; }
  // Where it listens; 0: a Unix socket, or not known.
  uint16_t port() const noexcept { return port_; }
  // Sent with responses that leave the connection open.
  const std::string& persist_lines() const noexcept { return persist_lines_; }

 private:
  void on_unreferenced() noexcept override { delete this; }

  const uint32_t index_;
  const conf::LimitSet limits_;
  const std::vector<conf::AddressBlock> trusted_;
  const std::shared_ptr<const tls::ListenerContext> tls_;
  const bool http2_;
  const bool proxy_protocol_;
  const uint16_t port_;
  const h1::Limits h1_limits_;
  const h2::Limits h2_limits_;
  const std::string persist_lines_;
};

}  // namespace sluice::http
