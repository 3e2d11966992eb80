// From decisions to heads. Nothing here allocates but for several ranges.
#include "server/http/representation_response.h"

#include <span>
#include <string_view>
#include <utility>

#include "protocol/http_date.h"

namespace sluice::http {

namespace {

// Fields that stay as they are, and the Expires of a response that is made now.
void set_fields(Exchange& exchange, const cache::Representation& representation,
                const PreparedFields& fields, Ref<Owner> pin, int64_t now) {
  ResponseHead& head = exchange.response();
  head.prepared = &fields;
  head.prepared_owner = std::move(pin);
  if (const std::optional<int64_t> after = representation.expires_after()) {
    const std::span<char, kHttpDateSize> room = exchange.value_room().first<kHttpDateSize>();
    write_http_date(now + *after, room);
    head.fields.add("Expires", {room.data(), room.size()}, FieldId::other);
  }
}

}  // namespace

void respond_with_representation(Exchange& exchange, const cache::Representation& representation,
                                 Ref<Owner> pin, StoredBody& body, int64_t now) {
  exchange.response().status = 200;
  set_fields(exchange, representation, representation.fields(), std::move(pin), now);
  exchange.respond(body.source(exchange, 0, representation.length(), true));
}

}  // namespace sluice::http
