// What a client asks of a listing: its order, by the query, and its form, by Accept (RFC 9110
// section 12.5.1).
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/fields.h"

namespace sluice::handler {

enum class ListingSort : uint8_t { name, size, time };

struct ListingOrder {
  ListingSort sort = ListingSort::name;
  bool descending = false;
};

// Reads `sort=name|size|time` and `order=asc|desc`; what is missing, unknown or malformed leaves
// the default.
ListingOrder listing_order(std::string_view query) noexcept;

// True when the client weighs application/json above text/html. Without an Accept field: false.
bool prefers_json(const FieldList& fields) noexcept;

}  // namespace sluice::handler
