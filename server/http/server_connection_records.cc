// What a server connection tells the log: one record for its handshake and for each exchange, one
// for each request that never became an exchange because the codec refused it, and one for what was
// cut after that.
#include <chrono>

#include "conf/limit_scopes.h"
#include "server/http/server_connection.h"
#include "tls/session.h"

namespace sluice::http {

void ServerConnection::record(Exchange& exchange, const ExchangeEnd& end) {
  if (context_.log == nullptr) return;
  using namespace std::chrono;
  const RequestHead& request = exchange.request();
  const Explanation& said = exchange.explanation();
  const bool went_well = end.complete && said.cause.empty() && exchange.response().status < 400;
  if (went_well && !context_.log->wants_all()) return;
  context_.log->record(
      {.peer = peer_.address,
       .method = request.method_text,
       .target = request.target,
       .authority = request.authority,
       .protocol = request.protocol,
       .user_agent = request.fields.value(FieldId::user_agent),
       .referer = request.fields.value(FieldId::referer),
       .status = end.status,
       .octets = end.octets,
       .duration = duration_cast<microseconds>(net::Clock::now() - exchange.started_at()),
       .wall_microseconds = wall_microseconds(),
       .complete = end.complete,
       .cause = said.cause,
       .phase = said.phase,
       .limit = said.limit,
       .rule = said.cause.empty() ? std::string_view() : deciding_rule(said.limit, &exchange),
       .request_id = exchange.request_id(context_.request_ids),
       .tls = exchange.secure() ? handshaken_->protocol() : std::string_view(),
       .client_subject = exchange.client_subject(),
       .peer_left = end.peer_left});
}

// Where the limit that was met was set; else what the request was routed by.
std::string_view ServerConnection::deciding_rule(std::string_view limit,
                                                 const Exchange* exchange) const noexcept {
  const bool of_listener =
      exchange == nullptr || conf::scope_of_limit(limit) == conf::LimitScope::listener;
  const conf::LimitSet& limits = of_listener ? listener_->limit_set() : exchange->limits();
  const std::string_view set_at = limits.origin_of(limit);
  if (!set_at.empty() || exchange == nullptr || !exchange->routed()) return set_at;
  return exchange->route().origin;
}

void ServerConnection::record_refusal(const ProtocolError& error) {
  if (context_.log == nullptr) return;
  context_.log->record({.peer = peer_.address,
                        .status = error.status,
                        .octets = status_text(error.status).size(),
                        .wall_microseconds = wall_microseconds(),
                        .cause = error.cause,
                        .phase = "head",
                        .limit = error.limit,
                        .rule = deciding_rule(error.limit, nullptr)});
}

// Responses that were framed whole, and recorded, did not leave whole; or there was no request.
void ServerConnection::record_cut(std::string_view cause, std::string_view limit,
                                  std::string_view phase) {
  if (context_.log == nullptr) return;
  context_.log->record({.peer = peer_.address,
                        .wall_microseconds = wall_microseconds(),
                        .complete = false,
                        .cause = cause,
                        .phase = phase,
                        .limit = limit,
                        .rule = deciding_rule(limit, nullptr),
                        .peer_left = peer_left()});
}

void ServerConnection::record_handshake(HandshakeEnd end) {
  if (context_.log != nullptr) {
    using namespace std::chrono;
    context_.log->handshake(
        {.peer = peer_.address,
         .end = end,
         .duration = duration_cast<microseconds>(net::Clock::now() - opened_at_),
         .wall_microseconds = wall_microseconds(),
         .session = handshaken_,
         .report = handshaken_->report(),
         .context = listener_->tls()});
  }
  handshaken_->forget_handshake();
}

}  // namespace sluice::http
