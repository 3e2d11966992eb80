// An element of Via is "1.1 name", which a comment may follow. Comments may hold commas, so the
// name is looked for as it stands, between white space and what ends it, and the list is not taken
// apart.
#include "server/handler/proxy/via_name.h"

#include <sys/random.h>

#include <chrono>
#include <cstdint>
#include <utility>

namespace sluice::handler::proxy {

namespace {

std::string make_name() {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  uint32_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random) {
    random = static_cast<uint32_t>(std::chrono::system_clock::now().time_since_epoch().count());
  }
  std::string name = "sluice-";
  for (int digit = 0; digit < 8; ++digit, random >>= 4U) name += kDigits[random & 15U];
  return name;
}

bool is_blank(char octet) noexcept { return octet == ' ' || octet == '\t'; }

}  // namespace

ViaName::ViaName(std::string name)
    : name_(std::move(name)),
      http_1_0_("1.0 " + name_),
      http_1_1_("1.1 " + name_),
      http_2_("2 " + name_) {}

const ViaName& ViaName::own() {
  static const ViaName kOwn(make_name());
  return kOwn;
}

std::string_view ViaName::value(std::string_view protocol) const noexcept {
  if (protocol == "HTTP/2.0") return http_2_;
  return protocol == "HTTP/1.0" ? http_1_0_ : http_1_1_;
}

size_t ViaName::sights(std::string_view via) const noexcept {
  size_t seen = 0;
  for (size_t at = via.find(name_); at != std::string_view::npos;
       at = via.find(name_, at + name_.size())) {
    const size_t end = at + name_.size();
    const bool begins = at > 0 && is_blank(via[at - 1]);
    const bool ends = end == via.size() || via[end] == ',' || is_blank(via[end]);
    if (begins && ends) ++seen;
  }
  return seen;
}

}  // namespace sluice::handler::proxy
