// A switch on the name's length leaves two candidates at most, and most fields of a request have
// been recognised by the codec and are none of these.
#include "server/handler/proxy/hop_fields.h"

#include <algorithm>
#include <array>

namespace sluice::handler::proxy {

namespace {

constexpr std::string_view kPrefix = "x-forwarded-";

bool is(std::string_view name, std::string_view known) noexcept {
  return equals_ignoring_case(name, known);
}

// Applications believe more of these than there are documents for.
HopField of_suffix(std::string_view suffix) noexcept {
  if (is(suffix, "for")) return HopField::forwarded_for;
  if (is(suffix, "proto")) return HopField::forwarded_proto;
  if (is(suffix, "host")) return HopField::forwarded_host;
  return is(suffix, "port") ? HopField::forwarded_port : HopField::forwarded_other;
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
      if (is(name, "max-forwards")) return HopField::max_forwards;
      break;
    default:
      break;
  }
  if (name.size() < kPrefix.size() || (name.front() | 0x20) != 'x') return HopField::none;
  const bool begins_so = is(name.substr(0, kPrefix.size()), kPrefix);
  return begins_so ? of_suffix(name.substr(kPrefix.size())) : HopField::none;
}

}  // namespace

HopField hop_field(const Field& field) noexcept {
  return field.id == FieldId::other ? of_name(field.name) : HopField::none;
}

// Which X-Forwarded- field it is, does not matter: its beginning is looked at.
bool is_hop_field_with_underscores(std::string_view name) noexcept {
  std::array<char, kPrefix.size()> dashes;
  const std::string_view beginning = name.substr(0, dashes.size());
  std::replace_copy(beginning.begin(), beginning.end(), dashes.begin(), '_', '-');
  const std::string_view spelled(dashes.data(), beginning.size());
  if (name.size() > dashes.size()) return is(spelled, kPrefix);
  return of_name(spelled) != HopField::none;
}

}  // namespace sluice::handler::proxy
