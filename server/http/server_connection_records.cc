// What a server connection tells the log: one record for each exchange, and one for each request
// that never became an exchange because the codec refused it; and one for what was cut after that.
#include <chrono>

#include "server/http/server_connection.h"

namespace sluice::http {

void ServerConnection::record(bool complete) {
  if (context_.log == nullptr) return;
  using namespace std::chrono;
  const RequestHead& request = exchange_->request();
  const Explanation& said = exchange_->explanation();
  context_.log->record(
      {.peer = peer_.address,
       .method = request.method_text,
       .target = request.target,
       .authority = request.authority,
       .protocol = request.protocol,
       .user_agent = request.fields.value(FieldId::user_agent),
       .referer = request.fields.value(FieldId::referer),
       .status = head_written_ ? exchange_->response().status : 0,
       .octets = framed_,
       .duration = duration_cast<microseconds>(net::Clock::now() - exchange_->started_at()),
       .wall_microseconds =
           duration_cast<microseconds>(system_clock::now().time_since_epoch()).count(),
       .complete = complete,
       .cause = said.cause,
       .phase = said.phase,
       .limit = said.limit});
}

void ServerConnection::record_refusal(const ProtocolError& error) {
  if (context_.log == nullptr) return;
  using namespace std::chrono;
  context_.log->record(
      {.peer = peer_.address,
       .status = error.status,
       .octets = status_text(error.status).size(),
       .wall_microseconds =
           duration_cast<microseconds>(system_clock::now().time_since_epoch()).count(),
       .cause = error.cause,
       .phase = "head",
       .limit = error.limit});
}

// Responses that were framed whole, and recorded, did not leave whole.
void ServerConnection::record_cut(std::string_view cause, std::string_view limit) {
  if (context_.log == nullptr) return;
  using namespace std::chrono;
  context_.log->record(
      {.peer = peer_.address,
       .wall_microseconds =
           duration_cast<microseconds>(system_clock::now().time_since_epoch()).count(),
       .complete = false,
       .cause = cause,
       .phase = "response",
       .limit = limit});
}

}  // namespace sluice::http
