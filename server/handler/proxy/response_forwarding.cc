// The response's side: most responses have nothing to map, and get a Via that was made before.
#include <cassert>
#include <utility>

#include "protocol/target.h"
#include "server/handler/proxy/forwarding.h"
#include "server/handler/proxy/response_mapping.h"

namespace sluice::handler::proxy {

namespace {

// Where the client asked, as the upstream was told: a proxy in front of us may have been asked
// there for us.
void set_client_side(const RequestHead& request, const RequestHead& sent, bool secure,
                     Places& places) {
  places.scheme = secure ? "https" : "http";
  places.authority = request.authority;
  if (const Field* proto = sent.fields.find("X-Forwarded-Proto"); proto != nullptr) {
    if (proto->value == "http" || proto->value == "https") places.scheme = proto->value;
  }
  if (const Field* host = sent.fields.find("X-Forwarded-Host"); host != nullptr) {
    if (valid_authority(host->value)) places.authority = host->value;
  }
}

// Octets that the mapped values take; nothing when all stay as they are.
std::optional<size_t> mapped_size(const FieldList& fields, const Places& places) {
  std::optional<size_t> total;
  for (const Field& field : fields) {
    const std::optional<size_t> size = mapped_size(mapped_field(field), field.value, places);
    if (size) total = total.value_or(0) + *size;
  }
  return total;
}

bool has_mapped_field(const FieldList& fields) noexcept {
  for (const Field& field : fields) {
    if (mapped_field(field) != MappedField::none) return true;
  }
  return false;
}

// The list that fields go to while some of them change; its memory is used again. Empty in between.
FieldList& scratch_list() {
  static thread_local FieldList list;
  return list;
}

void write_fields(const Places& places, DerivedText& text, FieldList& fields) {
  FieldList& scratch = scratch_list();
  for (const Field& field : fields) {
    const MappedField kind = mapped_field(field);
    if (mapped_size(kind, field.value, places).has_value()) {
      scratch.add(field.name, write_mapped(kind, field.value, places, text), field.id);
    } else {
      scratch.add(field);
    }
  }
  std::swap(fields, scratch);
  scratch.clear();
}

}  // namespace

void Forwarding::map_fields(const RequestHead& request, const RequestHead& sent, bool secure,
                            ResponseHead& head) const {
  Places places{.upstream_scheme = action_.target.tls ? "https" : "http",
                .sent_authority = sent.authority,
                .target_authority = target_authority_,
                .base = action_.base,
                .strip = action_.strip};
  set_client_side(request, sent, secure, places);
  const std::optional<size_t> size = mapped_size(head.fields, places);
  if (!size) return;
  DerivedText text(*size);
  write_fields(places, text, head.fields);
  assert(head.derived.empty());  // codecs derive nothing from a response
  head.derived = text.slice();
}

void Forwarding::adapt_response(const RequestHead& request, const RequestHead& sent, bool secure,
                                ResponseHead& head) const {
  head.relayed = true;
  if (has_mapped_field(head.fields)) map_fields(request, sent, secure, head);
  head.fields.add("Via", via_.value(sent.protocol), FieldId::other);
}

}  // namespace sluice::handler::proxy
