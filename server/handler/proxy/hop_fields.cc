// A switch on the name's length leaves three candidates at most, and most fields of a request have
// been recognised by the codec and are none of these.
#include "server/handler/proxy/hop_fields.h"

#include <algorithm>
#include <array>

namespace sluice::handler::proxy {

namespace {

constexpr size_t kLongestName = 18;

bool is(std::string_view name, std::string_view known) noexcept {
  return equals_ignoring_case(name, known);
}

HopField of_16(std::string_view name) noexcept {
  if (is(name, "x-forwarded-host")) return HopField::forwarded_host;
  return is(name, "x-forwarded-port") ? HopField::forwarded_port : HopField::none;
}

HopField of_name(std::string_view name) noexcept {
  switch (name.size()) {
    case 3:
      return is(name, "via") ? HopField::via : HopField::none;
    case 9:
      if (is(name, "forwarded")) return HopField::forwarded;
      return is(name, "x-real-ip") ? HopField::real_ip : HopField::none;
    case 12:
      if (is(name, "x-request-id")) return HopField::request_id;
      return is(name, "max-forwards") ? HopField::max_forwards : HopField::none;
    case 15:
      return is(name, "x-forwarded-for") ? HopField::forwarded_for : HopField::none;
    case 16:
      return of_16(name);
    case 17:
      return is(name, "x-forwarded-proto") ? HopField::forwarded_proto : HopField::none;
    case kLongestName:
      return is(name, "x-forwarded-server") ? HopField::forwarded_server : HopField::none;
    default:
      return HopField::none;
  }
}

}  // namespace

HopField hop_field(const Field& field) noexcept {
  return field.id == FieldId::other ? of_name(field.name) : HopField::none;
}

HopField hop_field_spelled_with_underscores(std::string_view name) noexcept {
  if (name.size() > kLongestName) return HopField::none;
  std::array<char, kLongestName> dashes;
  std::replace_copy(name.begin(), name.end(), dashes.begin(), '_', '-');
  return of_name({dashes.data(), name.size()});
}

}  // namespace sluice::handler::proxy
