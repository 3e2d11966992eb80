// What stands between a connection and a handler: sees heads, may wrap the source (compression,
// range, cache fill, rate shaping). Filters of a route run in order for requests and in reverse
// order for responses.
#pragma once

#include "protocol/body.h"
#include "protocol/message.h"

namespace sluice::http {

class Exchange;

// One object serves many exchanges of one worker. Never blocks.
class Filter {
 public:
  virtual ~Filter() = default;

  // Before the handler. A filter that calls exchange.respond() ends the way in: neither later
  // filters nor the handler see the request.
  virtual void on_request(Exchange&) {}
  // Before the head is written. May change the head, and returns the source to send: the one given,
  // or one that owns and wraps it. `source` is null when the response has no content.
  virtual BodySourcePointer on_response(Exchange&, ResponseHead&, BodySourcePointer source) {
    return source;
  }
};

}  // namespace sluice::http
