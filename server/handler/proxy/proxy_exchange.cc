// A proxied request's way. Its deadlines are in proxy_exchange_deadlines.cc.
#include "server/handler/proxy/proxy_exchange.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "protocol/proxy_protocol.h"
#include "server/handler/proxy/proxy_status.h"
#include "server/net/listener.h"

namespace sluice::handler::proxy {

namespace {

// What the exchange's own memory holds of the response.
class ProxySource final : public BodySource {
 public:
  explicit ProxySource(ProxyExchange& exchange) : exchange_(&exchange) {}
  ~ProxySource() override { cancel(); }

  Pull pull(Chain& out, size_t max) override { return exchange_->pull(out, max); }
  std::optional<uint64_t> length() const override { return exchange_->length(); }
  const FieldList* trailers() const override { return exchange_->trailers(); }
  void cancel() override {
    if (exchange_ != nullptr) std::exchange(exchange_, nullptr)->cancel();
  }

 private:
  ProxyExchange* exchange_;
};

// A codec has checked it.
std::optional<uint64_t> announced_length(const FieldList& fields) noexcept {
  const std::string_view text = fields.value(FieldId::content_length);
  uint64_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (text.empty() || error != std::errc()) return std::nullopt;
  return length;
}

// Who is connected to a Unix socket of ours and speaks for a client has no address of ours: then no
// address at all, of the client's kind, so that the client's is not lost.
std::optional<ProxyEndpoint> destination_of(const http::Exchange& exchange,
                                            const std::optional<ProxyEndpoint>& source) noexcept {
  const net::Peer here = net::peer_at(exchange.local_address());
  const auto known = ProxyEndpoint::parse(here.address, here.port);
  if (known || !source) return known;
  return ProxyEndpoint::parse(source->is_ipv4() ? "0.0.0.0" : "::", 0);
}

// Their silence means nothing: there is no event, no message.
bool may_be_silent(const FieldList& fields) noexcept {
  const std::string_view type = fields.value(FieldId::content_type);
  for (const std::string_view known : {"text/event-stream", "application/grpc"}) {
    if (equals_ignoring_case(type.substr(0, known.size()), known)) return true;
  }
  return false;
}

}  // namespace

// --- The request ---------------------------------------------------------------------------------

void ProxyExchange::start(const ProxyRoute& route, http::Exchange& exchange) {
  route_ = &route;
  exchange_ = &exchange;
  exchange.set_handler_state(this);
  started_at_ = loop().now();
  ended_ = failed_ = may_be_silent_ = false;
  interims_ = tries_ = 0;
  length_.reset();
  client_closed_at_.reset();
  Upstream& upstream = route.pool.upstream();
  upstream.in_flight.fetch_add(1, std::memory_order_relaxed);
  upstream.budget.on_request(route.pool.resources().limits.upstream_retry_share);
  if (!make_request()) return;
  if (open_content()) connect();
}

bool ProxyExchange::make_request() {
  http::Exchange& exchange = *exchange_;
  const ClientFacts client{.address = exchange.peer_address(),
                           .port = exchange.peer_port(),
                           .listener_port = exchange.listener().port(),
                           .secure = exchange.secure(),
                           .trusted = exchange.peer_trusted(),
                           .request_id = exchange.request_id(route_->pool.resources().request_ids)};
  switch (route_->forwarding.make_request(exchange.request(), client, derived_, request_)) {
    case Forwarding::Verdict::forward:
      return true;
    case Forwarding::Verdict::loop:
      answer({.status = 508,
              .error = "proxy_loop_detected",
              .cause = "the request has been here before, says its Via"});
      return false;
    case Forwarding::Verdict::last_hop:
      answer_as_last_hop();
      return false;
    case Forwarding::Verdict::not_proxied:
      break;
  }
  answer({.status = 501, .error = "http_request_error", .cause = "this request cannot be proxied"});
  return false;
}

// RFC 9110 section 7.6.2: OPTIONS is about this hop, then. TRACE would show fields that proxies
// added, so that nobody answers it.
void ProxyExchange::answer_as_last_hop() {
  http::Exchange& exchange = *exchange_;
  const bool traces = request_.method == Method::trace;
  finish_quietly();
  http::respond_with_status(exchange, traces ? 405 : 204, traces ? "TRACE goes no further" : "",
                            "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");
}

// True when the upstream can be asked already.
bool ProxyExchange::open_content() {
  if (!request_.has_body) return true;
  const bool gathers = route_->action.buffer_request > 0;
  if (gathers) request_.expects_continue = false;  // it is we who want to see it first
  content_.open(exchange_->request_body(), loop(), limits().upstream_kept_body,
                request_.expects_continue, &route_->forwarding);
  if (!gathers) return true;
  state_ = State::gathering;
  set_timer();
  return content_.gather(route_->action.buffer_request) && !content_.failed();
}

void ProxyExchange::on_request_body() {
  if (state_ == State::gathering) {
    if (content_.gather(route_->action.buffer_request) && !content_.failed()) connect();
    return;
  }
  if (stream_ != nullptr) stream_->wake();
  set_timer();
}

// RFC 9110 section 9.2.2.
bool ProxyExchange::is_idempotent() const noexcept {
  switch (request_.method) {
    case Method::get:
    case Method::head:
    case Method::put:
    case Method::delete_:
    case Method::options:
    case Method::trace:
      return true;
    default:
      return false;
  }
}

void ProxyExchange::connect() {
  state_ = State::connecting;
  const bool is_short =
      !request_.has_body || content_.length().value_or(UINT64_MAX) <= limits().upstream_kept_body;
  const Wanted wanted = tries_ > 0                    ? Wanted::not_kept
                        : is_idempotent() && is_short ? Wanted::any
                                                      : Wanted::fresh;
  set_timer();
  route_->pool.acquire(*this, wanted, prelude());
}

std::string ProxyExchange::prelude() const {
  using Version = conf::UpstreamTarget::ProxyProtocol;
  const Version version = route_->pool.upstream().target().proxy_protocol;
  if (version == Version::off) return {};
  const auto source = ProxyEndpoint::parse(exchange_->peer_address(), exchange_->peer_port());
  const ProxyHeader header = ProxyHeader::of(source, destination_of(*exchange_, source));
  std::array<char, kProxyV1Most> v1;
  if (version == Version::v1) return {v1.data(), write_proxy_v1(header, v1)};
  std::array<char, kProxyV2Written> v2;
  return {v2.data(), write_proxy_v2(header, v2)};
}

void ProxyExchange::on_connection(http::ClientConnection& connection) {
  state_ = State::awaiting;
  sent_at_ = loop().now();
  request_.protocol = connection.protocol();
  if (request_.has_body && connection.splices() && exchange_->splices())
    content_.pipe_through(route_->pool.resources().pipes);
  stream_ = &connection.send({.head = &request_,
                              .body = request_.has_body ? &content_ : nullptr,
                              .length = request_.has_body ? content_.length() : std::nullopt},
                             *this);
  set_timer();
}

void ProxyExchange::on_no_connection(const http::UpstreamFailure& failure) { answer(failure); }

// --- The response --------------------------------------------------------------------------------

void ProxyExchange::on_response_head(ResponseHead& head, bool has_body) {
  received_at_ = loop().now();
  if (head.status < 200) {
    on_interim(head);
  } else {
    on_final(head, has_body);
  }
}

void ProxyExchange::on_interim(const ResponseHead& head) {
  if (++interims_ > limits().upstream_interims) {
    return give_up({.error = "http_protocol_error",
                    .cause = "upstream sent too many interim responses",
                    .limit = "upstream_interims"});
  }
  if (head.status != 100) return exchange_->interim(head);
  // The client is told by us, as soon as its content is pulled.
  if (!request_.has_body || !content_.held_back()) return;
  content_.let_go();
  stream_->wake();
  set_timer();
}

void ProxyExchange::on_final(ResponseHead& head, bool has_body) {
  // Without content it is the end that counts, and comes at once.
  state_ = has_body ? State::relaying : State::ending;
  http::Exchange& exchange = *exchange_;
  std::swap(exchange.response(), head);
  ResponseHead& response = exchange.response();
  response.relayed = true;
  route_->forwarding.adapt_response(exchange.request(), request_, exchange.secure(), response);
  may_be_silent_ = may_be_silent(response.fields);
  length_ = announced_length(response.fields);
  // Content that is still on its way goes on to the upstream.
  if (request_.has_body && !content_.ended() && !content_.held_back())
    exchange.request_body().claim();
  set_timer();
  if (has_body) exchange.respond(exchange.emplace_source<ProxySource>(*this));
}

void ProxyExchange::on_response_body(Slice octets) {
  // Below it a copy is cheaper than the block that a waiting slice would pin.
  static constexpr size_t kSmall = 1024;
  received_at_ = loop().now();
  const bool waits = !octets_.empty() && octets.size() < kSmall;
  octets_.append(waits ? copy_of(octets.view()) : std::move(octets));
  exchange_->wake();
}

Ref<net::Pipe> ProxyExchange::response_pipe() {
  if (exchange_->splices()) pipe_ = route_->pool.resources().pipes.acquire();
  return pipe_;
}

void ProxyExchange::on_response_piped(net::Pipe& pipe, size_t octets) {
  received_at_ = loop().now();
  pipe.append_to(octets_, octets);
  exchange_->wake();
}

void ProxyExchange::on_response_trailers(const FieldList& trailers) { trailers_.add(trailers); }

void ProxyExchange::on_response_end() {
  stream_ = nullptr;
  ended_ = true;
  loop().timers().cancel(*this);
  // What the client still sends is read and dropped, as far as that is cheap.
  if (request_.has_body && !content_.ended()) exchange_->request_body().cancel();
  if (state_ != State::ending) return exchange_->wake();
  http::Exchange& exchange = *exchange_;
  finish_quietly();
  exchange.respond();
}

bool ProxyExchange::wants_response_body() const {
  return octets_.size() < limits().upstream_read_ahead;
}

Pull ProxyExchange::pull(Chain& out, size_t max) {
  const uint64_t part = std::min<uint64_t>(max, octets_.size());
  if (part > 0) {
    octets_.split(part, out);
    received_at_ = loop().now();  // until now it may have been the client that was waited for
    if (stream_ != nullptr) stream_->consumed(part, octets_.empty());
  }
  if (!octets_.empty()) return Pull::ready;
  if (ended_) return Pull::end;
  if (part > 0) return Pull::ready;
  if (failed_) return Pull::failed;
  set_timer();
  return Pull::pending;
}

// --- Failures ------------------------------------------------------------------------------------

void ProxyExchange::on_response_failed(const http::UpstreamFailure& failure) {
  stream_ = nullptr;
  if (request_.has_body && content_.failed() && state_ == State::awaiting) return;
  if (!may_try_again(failure)) return give_up(failure);
  ++tries_;
  connect();
}

bool ProxyExchange::may_try_again(const http::UpstreamFailure& failure) {
  if (state_ != State::awaiting || interims_ > 0 || tries_ >= limits().upstream_retries)
    return false;
  if (!failure.unread && !(failure.idle_race && is_idempotent())) return false;
  if (request_.has_body && !content_.rewind()) return false;
  const uint64_t share = route_->pool.resources().limits.upstream_retry_share;
  return route_->pool.upstream().budget.take(share);
}

void ProxyExchange::give_up(const http::UpstreamFailure& failure) {
  drop_stream();
  if (state_ != State::relaying) return answer(failure);
  failed_ = true;
  loop().timers().cancel(*this);
  exchange_->explain(failure.cause, "upstream", failure.limit);
  exchange_->wake();
}

// In place of a response: what went wrong, in the log and in Proxy-Status (RFC 9209).
void ProxyExchange::answer(const http::UpstreamFailure& failure) {
  http::Exchange& exchange = *exchange_;
  finish_quietly();
  exchange.response().clear();
  exchange.response().fields.add("Proxy-Status", proxy_status_value(failure.error), FieldId::other);
  http::respond_with_status(exchange, failure.status, {});
  exchange.explain(failure.cause, "upstream", failure.limit);
}

// --- The end -------------------------------------------------------------------------------------

void ProxyExchange::cancel() {
  if (exchange_ != nullptr) finish_quietly();
}

void ProxyExchange::drop_stream() {
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->cancel();
  route_->pool.forget(*this);
}

// Lets go of both sides, and is free.
void ProxyExchange::finish_quietly() {
  drop_stream();
  loop().timers().cancel(*this);
  route_->pool.upstream().in_flight.fetch_sub(1, std::memory_order_relaxed);
  exchange_->set_handler_state(nullptr);
  exchange_ = nullptr;
  state_ = State::done;
  content_.close();
  octets_.clear();
  pipe_.reset();
  trailers_.clear();
  request_.clear();
  route_->exchanges.release(*this);
}

// --- The pool ------------------------------------------------------------------------------------

ProxyExchange& ProxyExchanges::acquire() {
  if (free_.empty()) {
    all_.push_back(std::make_unique<ProxyExchange>());
    return *all_.back();
  }
  ProxyExchange* const exchange = free_.back();
  free_.pop_back();
  return *exchange;
}

void ProxyExchanges::release(ProxyExchange& exchange) { free_.push_back(&exchange); }

}  // namespace sluice::handler::proxy
