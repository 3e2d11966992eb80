// A request's content on its way upstream: pulled from the client's exchange, kept while it may
// have to be sent again, held back while the client waits for 100 (Continue) or has to be heard out
// first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/body.h"
#include "protocol/chain.h"
#include "protocol/fields.h"
#include "server/handler/proxy/forwarding.h"
#include "server/http/exchange.h"
#include "server/net/loop.h"

namespace sluice::handler::proxy {

// Thread: the exchange's. Used again and again by one ProxyExchange.
class RequestContent final : public BodySource {
 public:
  // `keep`: octets that are kept for a second try; 0: none. `hold_back`: nothing is pulled, so that
  // the client is not invited to send, until let_go().
  // The loop outlives it. `forwarding` says which trailers go on, until close(); null: all do.
  void open(http::RequestBody& body, const net::Loop& loop, uint64_t keep, bool hold_back,
            const Forwarding* forwarding = nullptr);
  void close();

  // It goes to an upstream that splices: what is long is not kept, and need not be looked at.
  void pipe_through(net::PipePool& pipes) noexcept;
  void let_go() noexcept;
  bool held_back() const noexcept { return held_back_; }
  // Takes what has come, up to `most` octets in all, without passing it on yet. True when there is
  // no more to wait for: it is complete, has failed, or is too much.
  [[nodiscard]] bool gather(uint64_t most);
  // It cannot be read to its end: the client's connection says why, and ends the exchange.
  bool failed() const noexcept { return body_failed_; }
  // All of it was passed on. HTTP/2 may say that it has ended, and its trailers, behind all that
  // was announced, and the upstream answers meanwhile.
  bool ended() const noexcept { return ended_ || body_->length() == pulled_; }
  // Something has come, were it the end, and waits to be pulled by the upstream.
  bool has_waiting() const noexcept {
    return !ahead_.empty() || body_->waiting() > 0 || body_->fills_pipe() || body_->ended();
  }
  // When the upstream last took some, or was let to.
  net::Time taken_at() const noexcept { return taken_at_; }

  // BodySource
  Pull pull(Chain& out, size_t max) override;
  std::optional<uint64_t> length() const override;
  const FieldList* trailers() const override { return trailers_.empty() ? nullptr : &trailers_; }
  bool rewind() override;

 private:
  Pull pull_ahead(Chain& out, size_t max);
  void keep(Chain& octets);
  void put_aside(Chain& content);
  void join_small();
  void take_trailers();

  http::RequestBody* body_ = nullptr;
  const net::Loop* loop_ = nullptr;
  const Forwarding* forwarding_ = nullptr;
  FieldList trailers_;  // views of the body's, when all else was passed on
  Chain ahead_;         // came, and was not passed on yet
  std::string small_;   // the end of ahead_, while it is gathered
  std::string kept_;    // all that was passed on so far, while !lost_
  uint64_t keep_most_ = 0;
  uint64_t pulled_ = 0;
  net::Time taken_at_{};
  bool held_back_ = false;
  bool body_ended_ = false;  // nothing is to be had from body_ any more
  bool body_failed_ = false;
  bool ended_ = false;
  bool lost_ = false;
};

}  // namespace sluice::handler::proxy
