// The exchange's life, from the route's filters to the pool, and the short texts that Sluice
// answers with itself.
#include "server/http/exchange.h"

#include <algorithm>
#include <string>
#include <vector>

#include "protocol/target.h"
#include "server/http/trusted_peers.h"
#include "server/net/listener.h"
#include "tls/session.h"

namespace sluice::http {

void RequestBody::open(Stream& stream, bool expected, std::optional<uint64_t> length) {
  stream_ = &stream;
  limit_ = UINT64_MAX;
  received_ = 0;
  too_large_ = false;
  length_ = expected ? length : std::optional<uint64_t>(0);
  ended_ = !expected;
  failed_ = false;
  wanted_ = claimed_ = false;
  cancelled_ = false;
}

void RequestBody::close() {
  octets_.clear();
  trailers_.clear();
  pipe_.reset();
  pipes_ = nullptr;
  stream_ = nullptr;
}

// Wakes the stream only when something changed for it, so that a pull that finds nothing is the end
// of the matter.
Pull RequestBody::pull(Chain& out, size_t max) {
  const bool first = !std::exchange(wanted_, true);
  if (!too_large_ && length_.value_or(received_) > limit_) {
    too_large_ = true;
    octets_.clear();
    stream_->wake();  // the connection answers 413
  }
  if (too_large_) return Pull::failed;
  if (octets_.empty()) {
    if (failed_) return Pull::failed;
    if (ended_) return Pull::end;
    if (first) stream_->wake();  // the connection sends 100 (Continue) if the client waits for it
    return Pull::pending;
  }
  octets_.split(std::min<uint64_t>(max, octets_.size()), out);
  if (octets_.empty() && ended_) return Pull::end;
  if (!ended_) stream_->wake();  // there is room again
  return Pull::ready;
}

void RequestBody::cancel() {
  cancelled_ = true;
  octets_.clear();
  if (stream_ != nullptr) stream_->wake();
}

void RequestBody::append(Slice octets) {
  // Below it a copy is cheaper than the block that a waiting slice would pin. The first one's block
  // is the one that is being read into, most often.
  static constexpr size_t kSmall = 1024;
  received_ += octets.size();
  if (cancelled_) return;
  const bool waits = !octets_.empty() && octets.size() < kSmall;
  octets_.append(waits ? copy_of(octets.view()) : std::move(octets));
}

Ref<net::Pipe> RequestBody::pipe() {
  if (!pipe_ && pipes_ != nullptr) pipe_ = pipes_->acquire();
  return pipe_;
}

void RequestBody::append_piped(net::Pipe& pipe, size_t octets) {
  received_ += octets;
  pipe.append_to(octets_, octets);
}

void Exchange::begin(Stream& stream, RequestHead& head, ListenerSettings& listener, net::Time now) {
  stream_ = &stream;
  listener_ = Ref<ListenerSettings>(&listener);
  rewrites_ = 0;
  std::swap(request_, head);
  explanation_ = {};
  responded_ = false;
  filtered_ = false;
  hinted_ = false;
  handled_ = false;
  handler_state_ = nullptr;
  has_made_id_ = false;
  started_at_ = now;
  request_body_.open(stream, request_.has_body, request_.content_length);
}

void Exchange::start(Router& router) {
  router_ = Ref<Router>(&router);
  search_ = begin_search();
  enter(router.route(request_, search_));
}

std::string_view Exchange::client_subject() const noexcept {
  return secure() ? stream_->session()->client_subject() : std::string_view();
}

std::string_view Exchange::peer_address() const noexcept {
  const net::Peer* const peer = stream_->peer();
  return peer != nullptr ? std::string_view(peer->address) : std::string_view();
}

uint16_t Exchange::peer_port() const noexcept {
  const net::Peer* const peer = stream_->peer();
  return peer != nullptr ? peer->port : uint16_t{0};
}

bool Exchange::peer_trusted() const noexcept {
  const net::Peer* const peer = stream_->peer();
  return peer != nullptr && !peer->unnamed && !listener_->trusted().empty() &&
         is_trusted(listener_->trusted(), peer->address);
}

std::string_view Exchange::request_id(RequestIds& ids) {
  if (!has_made_id_ && !listener_->trusted().empty()) {
    const Field* const sent = request_.fields.find("X-Request-ID");
    if (sent != nullptr && is_request_id(sent->value) && peer_trusted()) return sent->value;
  }
  if (!std::exchange(has_made_id_, true)) ids.make(made_id_);
  return {made_id_.data(), made_id_.size()};
}

RouteSearch Exchange::begin_search() const noexcept {
  const tls::Session* const session = stream_->session();
  return {.listener = listener_->index(),
          .choice = session != nullptr ? &session->choice() : nullptr};
}

// From the route's filters to its handler.
void Exchange::enter(const Route& route) {
  route_ = &route;
  request_body_.set_limit(route.body_limit);
  for (Filter* filter : route.filters) {
    filter->on_request(*this);
    if (responded_) return;
  }
  handled_ = true;
  route_->handler->start(*this);
}

bool Exchange::pass_on() {
  assert(begun() && !responded_);
  const Route* const following = router_->next(request_, search_);
  if (following == nullptr) return false;
  handled_ = false;
  enter(*following);
  return true;
}

void Exchange::rewrite(std::string_view target) {
  assert(begun() && !responded_ && target.starts_with('/'));
  if (++rewrites_ > limits().values.rewrites) {
    respond_with_status(*this, 500, "rewrite rules lead to each other");
    return explain("rewrite rules lead to each other", "handler", "rewrites");
  }
  // What a rule makes of a long path may be longer than any that the connection lets in.
  if (target.size() > listener_->limits().request_line) {
    respond_with_status(*this, 414, "rewrite makes the target too long");
    return explain("rewrite makes the target too long", "handler", "request_line");
  }
  const size_t question = target.find('?');
  const bool has_query = question != std::string_view::npos;
  // The old path and query may be part of `target`, and stay alive until both are copied.
  const std::string_view path = target.substr(0, question);
  std::string text(path.size() + 1, '\0');
  text.resize(normalize_path(path, text));
  const size_t path_size = text.size();
  text.append(has_query ? target.substr(question + 1) : request_.query);
  request_.derived = copy_of(text);
  request_.path = request_.derived.view().substr(0, path_size);
  request_.query = request_.derived.view().substr(path_size);
  request_.has_query = has_query || request_.has_query;
  handled_ = false;
  search_ = begin_search();
  enter(router_->route(request_, search_));
}

const conf::LimitSet& Exchange::limits() const noexcept {
  return route_ != nullptr && route_->limits != nullptr ? *route_->limits : listener_->limit_set();
}

void Exchange::refuse(int status, std::string_view cause, std::string_view phase,
                      std::string_view limit) {
  assert(!responded_);
  if (handled_) route_->handler->cancel(*this);
  response_.clear();
  respond_with_status(*this, status, cause);
  explain(cause, phase, limit);
}

void Exchange::respond(BodySourcePointer source) {
  assert(begun() && !responded_);
  source_ = std::move(source);
  responded_ = true;
  stream_->submit_final();
}

void Exchange::filter_response() {
  if (filtered_ || route_ == nullptr) return;
  filtered_ = true;
  for (auto filter = route_->filters.rbegin(); filter != route_->filters.rend(); ++filter) {
    source_ = (*filter)->on_response(*this, response_, std::move(source_));
  }
}

// Of a 304, and of what an upstream answered to HEAD, Content-Length would be that of the content
// that a GET gets (RFC 9110 section 8.6): it is what the head says of itself, or left out.
std::optional<uint64_t> Exchange::length_to_announce() const noexcept {
  if (source_) return source_->length();
  const bool of_another = response_.relayed && request_.method == Method::head;
  if (response_.status == 204 || response_.status == 304 || of_another) return std::nullopt;
  return 0;
}

void Exchange::notify_request_body() {
  if (handled_ && (!responded_ || request_body_.claimed())) route_->handler->on_request_body(*this);
}

void Exchange::end() {
  if (stream_ == nullptr) return;
  stream_ = nullptr;
  // Nothing may wake the stream from here on.
  request_body_.close();
  if (!responded_) {
    if (handled_) route_->handler->cancel(*this);
  } else if (source_) {
    source_->cancel();
  }
  source_.reset();
  request_.clear();
  response_.clear();
  route_ = nullptr;
  router_.reset();  // may end it, and with it the handler
  listener_.reset();
}

std::unique_ptr<Exchange> ExchangePool::acquire() {
  if (free_.empty()) return std::make_unique<Exchange>();
  std::unique_ptr<Exchange> exchange = std::move(free_.back());
  free_.pop_back();
  return exchange;
}

void ExchangePool::release(std::unique_ptr<Exchange> exchange) {
  static constexpr size_t kKept = 256;
  exchange->end();
  if (free_.size() < kKept) free_.push_back(std::move(exchange));
}

namespace {

// A text that lives as long as the process.
class StaticSource final : public BodySource {
 public:
  explicit StaticSource(std::string_view text) : text_(text) {}

  Pull pull(Chain& out, size_t max) override {
    const size_t part = std::min(max, text_.size() - sent_);
    out.append_static(text_.substr(sent_, part));
    sent_ += part;
    return sent_ == text_.size() ? Pull::end : Pull::ready;
  }
  std::optional<uint64_t> length() const override { return text_.size(); }
  bool rewind() override {
    sent_ = 0;
    return true;
  }

 private:
  std::string_view text_;
  size_t sent_ = 0;
};

}  // namespace

std::string_view status_text(int status) noexcept {
  static constexpr int kLast = 599;
  static const std::vector<std::string> kTexts = [] {
    std::vector<std::string> texts;
    for (int i = 0; i <= kLast; ++i)
      texts.push_back(std::to_string(i).append(" ").append(reason_phrase(i)).append("\n"));
    return texts;
  }();
  if (status < 0 || status > kLast) return {};
  return kTexts[static_cast<size_t>(status)];
}

void respond_with_status(Exchange& exchange, int status, std::string_view cause,
                         std::string_view allow) {
  ResponseHead& head = exchange.response();
  head.status = status;
  if (!allow.empty()) head.fields.add("Allow", allow, FieldId::allow);
  if (!cause.empty()) exchange.explain(cause);
  ErrorPages* const pages = exchange.routed() ? exchange.route().error_pages : nullptr;
  if (status >= 400 && pages != nullptr && pages->respond(exchange, status)) return;
  if (status < 200 || status == 204 || status == 304) return exchange.respond();
  head.fields.add("Content-Type", "text/plain; charset=utf-8", FieldId::content_type);
  exchange.respond(exchange.emplace_source<StaticSource>(status_text(status)));
}

}  // namespace sluice::http
