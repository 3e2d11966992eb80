// Answering from a stored representation: preconditions, then ranges (RFC 9110 sections 13 and 14).
//
// The decisions are cache/'s, pure; here they become a head and a source. The files handler answers
// with this, and so will the shared cache.
#pragma once

#include <cstdint>

#include "cache/representation.h"
#include "protocol/body.h"
#include "protocol/owner.h"
#include "server/http/exchange.h"

namespace sluice::http {

// Where the octets of a stored body come from.
class StoredBody {
 public:
  // A source of the octets [begin, end), which lie within the body. `only`: it is the response's
  // whole content, and may lie in the exchange's own memory; else several are made with new.
  virtual BodySourcePointer source(Exchange& exchange, uint64_t begin, uint64_t end, bool only) = 0;

 protected:
  ~StoredBody() = default;
};

// Answers a GET or HEAD with 200, 206, 304, 412 or 416, as the request's fields ask. `pin` keeps
// `representation` alive. `now`: the wall clock's seconds since 1970 (net::Loop::wall_seconds),
// from which Expires counts. `body` is used during the call only. Requires: the representation's
// status is 200; the exchange has not responded.
void respond_with_representation(Exchange& exchange, const cache::Representation& representation,
                                 Ref<Owner> pin, StoredBody& body, int64_t now);

}  // namespace sluice::http
