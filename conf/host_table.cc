// Lookups in two maps, of which the second is asked for one label less at a time.
#include "conf/host_table.h"

#include <algorithm>

namespace sluice::conf {

void HostTable::add(std::string_view host, uint32_t value) {
  if (!host.starts_with("*.")) {
    exact_.emplace(host, value);
    return;
  }
  host.remove_prefix(1);
  longest_wildcard_ = std::max(longest_wildcard_, host.size());
  wildcards_.emplace(host, value);
}

const uint32_t* HostTable::find(std::string_view host) const noexcept {
  if (const auto exact = exact_.find(host); exact != exact_.end()) return &exact->second;
  if (wildcards_.empty()) return nullptr;
  // From the longest wildcard that there is. A name that begins with a dot is below nothing by
  // that.
  const size_t first = host.size() - std::min(host.size(), longest_wildcard_);
  for (size_t at = host.find('.', std::max<size_t>(first, 1)); at != std::string_view::npos;
       at = host.find('.', at + 1)) {
    if (const auto wild = wildcards_.find(host.substr(at)); wild != wildcards_.end())
      return &wild->second;
  }
  return nullptr;
}

}  // namespace sluice::conf
