// One request with its response: what a handler and its filters work on.
//
// Owned by its Stream, pooled by its worker (its field lists and its source memory are used again,
// so that a keep-alive request allocates nothing). Thread: the stream's loop. States: active ->
// responded -> ended, or aborted from any of the first two.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/body.h"
#include "protocol/message.h"
#include "server/http/filter.h"
#include "server/http/handler.h"
#include "server/http/kept_fields.h"
#include "server/http/listener_settings.h"
#include "server/http/request_id.h"
#include "server/http/router.h"
#include "server/http/stream.h"
#include "server/net/pipe.h"
#include "server/net/timers.h"

namespace sluice::http {

// The request's content as it arrives: the connection appends, whoever wants it pulls.
class RequestBody final : public BodySource {
 public:
  // `stream` is woken when a pull makes room, or asks for content that a 100 (Continue) must
  // invite.
  void open(Stream& stream, bool expected, std::optional<uint64_t> length);
  void close();

  Pull pull(Chain& out, size_t max) override;
  std::optional<uint64_t> length() const override { return length_; }
  const FieldList* trailers() const override {
    return trailers_.list().empty() ? nullptr : &trailers_.list();
  }
  void cancel() override;

  // Whoever will pull only after respond() says so before it: content that nobody claimed by then
  // is dropped.
  void claim() { claimed_ = true; }
  // Long content may come as what lies in a pipe: whoever pulls only passes it on, to who splices.
  void allow_pipe(net::PipePool& pipes) noexcept { pipes_ = &pipes; }
  // A route has taken over. `limit`: octets of content that it reads; one more fails the body.
  void set_limit(uint64_t limit) { limit_ = limit; }

  // Connection's side.
  void append(Slice octets);
  // One for long content, if that is allowed and there is one.
  Ref<net::Pipe> pipe();
  void append_piped(net::Pipe& pipe, size_t octets);
  // Copies them.
  void set_trailers(const FieldList& trailers) { trailers_.add(trailers); }
  void finish() { ended_ = true; }
  void fail() { failed_ = true; }
  // Octets that wait to be pulled: the connection stops reading its socket when there are enough.
  uint64_t waiting() const noexcept { return octets_.size(); }
  // Octets lie in the pipe, pulled or not.
  bool fills_pipe() const noexcept { return pipe_ && !pipe_->empty(); }
  // The memory that these pin.
  uint64_t held() const noexcept { return octets_.held(); }
  bool ended() const noexcept { return ended_; }
  // Somebody pulled at least once: content is wanted.
  bool wanted() const noexcept { return wanted_; }
  bool claimed() const noexcept { return claimed_ || wanted_; }
  bool cancelled() const noexcept { return cancelled_; }
  // The content was wanted and is over the route's limit: the stream answers 413.
  bool too_large() const noexcept { return too_large_; }

 private:
  Stream* stream_ = nullptr;
  Chain octets_;
  KeptFields trailers_;
  net::PipePool* pipes_ = nullptr;
  Ref<net::Pipe> pipe_;
  std::optional<uint64_t> length_;
  uint64_t limit_ = 0;
  uint64_t received_ = 0;
  bool too_large_ = false;
  bool ended_ = false;
  bool failed_ = false;
  bool wanted_ = false;
  bool claimed_ = false;
  bool cancelled_ = false;
};

// What a handler keeps for an exchange from start() on: a proxy its place upstream. The handler
// owns it, and takes it off the exchange at the latest when that ends (Handler::cancel, or the end
// of its source).
class HandlerState {
 public:
  // Were the exchange to end now, a connection to an upstream would have to be closed.
  virtual bool holds_connection() const noexcept = 0;

 protected:
  ~HandlerState() = default;
};

// Where an exchange's own words for the log come from; texts are static.
struct Explanation {
  std::string_view cause;
  std::string_view phase;
  std::string_view limit;
};

class Exchange {
 public:
  // Room for a source of the common handlers, so that they need no allocation.
  static constexpr size_t kSourceSize = 192;
  // Room for values of response fields that are made anew each time: an Expires and a
  // Content-Range, or a boundary.
  static constexpr size_t kValuesSize = 128;

  // --- For handlers and filters --------------------------------------------------------------
  const RequestHead& request() const noexcept { return request_; }
  // Whether the request came over TLS.
  bool secure() const noexcept { return stream_->session() != nullptr; }
  // The subject of the certificate that the client showed over TLS and that was verified; empty
  // without one.
  std::string_view client_subject() const noexcept;
  // The client, or the proxy in front of us that is connected. Empty without one (a push).
  std::string_view peer_address() const noexcept;
  uint16_t peer_port() const noexcept;
  // The address of ours that this one is connected to; not AF_INET or AF_INET6 where there is none.
  // Costs a system call.
  sockaddr_storage local_address() const noexcept { return stream_->local_address(); }
  // Whether what the peer says of those before it is believed (`trusted_proxies`).
  bool peer_trusted() const noexcept;
  // Where the request came in.
  const ListenerSettings& listener() const noexcept { return *listener_; }
  // By which its lines are found in logs, ours and others': what a trusted proxy called it, else a
  // name of our own, which `ids` makes at the first call. Valid until the exchange ends.
  std::string_view request_id(RequestIds& ids);
  // The handler's own, null at first. Not touched otherwise.
  HandlerState* handler_state() const noexcept { return handler_state_; }
  void set_handler_state(HandlerState* state) noexcept { handler_state_ = state; }
  // The request's content; pulling it sends 100 (Continue) when the client waits for that. Empty
  // when there is none.
  RequestBody& request_body() noexcept { return request_body_; }

  // The head to fill before respond(). Starts as 200 without fields.
  ResponseHead& response() noexcept { return response_; }
  const ResponseHead& response() const noexcept { return response_; }
  // Sends a 1xx head at once.
  void interim(const ResponseHead& head) {
    hinted_ = hinted_ || head.status == 103;
    stream_->submit_interim(head);
  }
  // A 103 (Early Hints) was sent: routes that the exchange passes through later need not.
  bool hinted() const noexcept { return hinted_; }
  // The response is decided: the head is response(), its content comes from `source` (null: none).
  // Requires: called once, and not after the exchange was aborted.
  void respond(BodySourcePointer source = {});
  // Content may go to the client as what lies in a pipe.
  bool splices() const noexcept { return stream_->splices(); }
  // The client has closed its side. Mostly it has left; a few only say that they send no more, and
  // wait.
  bool client_closed() const noexcept { return stream_->peer_closed(); }
  // Nobody waits for the response: it ends here, visibly cut.
  void abandon(std::string_view cause) {
    explain(cause, "client");
    stream_->reset(ResetCode::cancel);
  }
  // A source has more to give, on the exchange's thread.
  void wake() { stream_->wake(); }

  // For a handler that has nothing for this request: gives it to the next route that matches. False
  // when there is none, and the handler answers after all; otherwise it forgets the exchange.
  [[nodiscard]] bool pass_on();
  // Puts another path, and with a '?' in `target` another query, in place of the request's and
  // routes it anew. After Limits::rewrites of them the answer is 500, and 414 when `target` is
  // longer than the listener's request_line. Requires: `target` starts with '/', is a valid target
  // (protocol/target.h); the handler forgets the exchange.
  void rewrite(std::string_view target);
  // What holds for this exchange. Requires: routed.
  const Route& route() const noexcept { return *route_; }
  bool routed() const noexcept { return route_ != nullptr; }

  // Memory for the values of fields that one response has, until the exchange ends. Whoever
  // responds uses it.
  std::span<char, kValuesSize> value_room() noexcept { return values_; }

  // Makes a source in the exchange's own memory. One at a time.
  template <typename T, typename... Arguments>
  BodySourcePointer emplace_source(Arguments&&... arguments) {
    static_assert(sizeof(T) <= kSourceSize && alignof(T) <= alignof(std::max_align_t));
    return BodySourcePointer(new (source_memory_) T(std::forward<Arguments>(arguments)...),
                             BodySourceDeleter{.in_place = true});
  }

  // Why Sluice itself made this response, for the log.
  void explain(std::string_view cause, std::string_view phase = "handler",
               std::string_view limit = {}) {
    explanation_ = {cause, phase, limit};
  }
  const Explanation& explanation() const noexcept { return explanation_; }

  // --- For the stream ------------------------------------------------------------------------
  // Takes the contents of `head` (swapping, so that both keep their memory). Content may come from
  // here on.
  // `listener`: where the request came in; its limits hold until a route has others.
  void begin(Stream& stream, RequestHead& head, ListenerSettings& listener, net::Time now);
  // Hands the request to its route. Requires: begun, and not refused.
  void start(Router& router);
  // The limits that hold now. Requires: begun.
  const conf::LimitSet& limits() const noexcept;
  bool begun() const noexcept { return stream_ != nullptr; }
  bool responded() const noexcept { return responded_; }
  // Lets the route's filters see the response, once, before its head is written.
  void filter_response();
  BodySource* source() noexcept { return source_.get(); }
  // What the response's head says of the length of its content; nothing: nothing, or what its
  // fields say. Requires: responded.
  std::optional<uint64_t> length_to_announce() const noexcept;
  net::Time started_at() const noexcept { return started_at_; }
  // Tells the handler that request content arrived, unless it has responded and did not claim it.
  void notify_request_body();
  // Takes the answer out of the handler's hands: a refusal that the connection decides (408, 413, a
  // broken body, a head over a limit). Requires: begun, not responded.
  void refuse(int status, std::string_view cause, std::string_view phase, std::string_view limit);
  // Ends the exchange: cancels what is unfinished and makes it ready for the pool.
  void end();

 private:
  RouteSearch begin_search() const noexcept;
  void enter(const Route& route);

  RequestHead request_;
  ResponseHead response_;
  RequestBody request_body_;
  BodySourcePointer source_;
  Stream* stream_ = nullptr;
  // Pins the handlers and filters of route_; the router may have been replaced meanwhile.
  Ref<Router> router_;
  Ref<ListenerSettings> listener_;
  RouteSearch search_;
  const Route* route_ = nullptr;
  uint32_t rewrites_ = 0;
  Explanation explanation_;
  HandlerState* handler_state_ = nullptr;
  std::array<char, RequestIds::kSize> made_id_;
  bool has_made_id_ = false;
  net::Time started_at_{};
  bool responded_ = false;
  bool filtered_ = false;
  bool hinted_ = false;
  bool handled_ = false;  // the handler knows of it
  alignas(std::max_align_t) std::byte source_memory_[kSourceSize];
  std::array<char, kValuesSize> values_;
};

// Exchanges of one worker that are not in use.
class ExchangePool {
 public:
  std::unique_ptr<Exchange> acquire();
  void release(std::unique_ptr<Exchange> exchange);

 private:
  std::vector<std::unique_ptr<Exchange>> free_;
};

// The content of responses that Sluice makes itself: "404 Not Found\n". Static; at most 200 octets,
// echoes nothing.
std::string_view status_text(int status) noexcept;

// Answers with a status and a short plain text that says the same (RFC 9110 section 15), nothing of
// the request in it. For 405, `allow` is the Allow field's value (a literal).
void respond_with_status(Exchange& exchange, int status, std::string_view cause,
                         std::string_view allow = {});

}  // namespace sluice::http
