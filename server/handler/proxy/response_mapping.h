// The way back of a changed path: what an upstream says of its own places, said of ours.
//
// An application knows itself by the address and the path at which we ask it, and puts these into
// redirects and cookies. Where they are the upstream's, they become those at which the client asks:
// Location and Content-Location (RFC 9110 sections 10.2.2 and 8.7), Refresh (as browsers read it),
// and Path and Domain of Set-Cookie (RFC 6265 section 4.1.2). Anything else is left as it is, octet
// for octet.
//
// What becomes of a path on our side must stay on our side: a rest that browsers would read as
// another host ("//example.net") is sent so that they do not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/fields.h"
#include "server/handler/proxy/derived_text.h"

namespace sluice::handler::proxy {

// The two sides of the mapping. Views last for the call.
struct Places {
  std::string_view upstream_scheme;
  std::string_view sent_authority;    // that the upstream was asked for
  std::string_view target_authority;  // that it is connected to by
  std::string_view base;              // its paths begin so
  std::string_view scheme;            // the client's
  std::string_view authority;         // likewise; empty where it said none
  std::string_view strip;             // its paths begin so
};

enum class MappedField : uint8_t { none, location, refresh, set_cookie };

MappedField mapped_field(const Field& field) noexcept;

// Octets that the value takes when it is mapped; nothing when it stays as it is.
std::optional<size_t> mapped_size(MappedField field, std::string_view value, const Places& places);
// Writes it. Requires: mapped_size() gave a size.
std::string_view write_mapped(MappedField field, std::string_view value, const Places& places,
                              DerivedText& text);

}  // namespace sluice::handler::proxy
