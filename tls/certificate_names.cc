// Host names are ASCII: an international one comes as A-labels (RFC 9525 section 6.3).
#include "tls/certificate_names.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "tls/certificate.h"

namespace sluice::tls {

namespace {

char lower(char octet) {
  return octet >= 'A' && octet <= 'Z' ? static_cast<char>(octet + ('a' - 'A')) : octet;
}

bool same_octet(char one, char other) { return lower(one) == lower(other); }

bool same(std::string_view one, std::string_view other) {
  return std::ranges::equal(one, other, same_octet);
}

size_t common_start(std::string_view one, std::string_view other) {
  const auto [end, ignored] = std::ranges::mismatch(one, other, same_octet);
  return static_cast<size_t>(end - one.begin());
}

size_t common_end(std::string_view one, std::string_view other) {
  size_t count = 0;
  while (count < std::min(one.size(), other.size()) &&
         same_octet(one[one.size() - 1 - count], other[other.size() - 1 - count]))
    ++count;
  return count;
}

// No octet is counted twice.
size_t likeness(std::string_view name, std::string_view host) {
  return std::min(common_start(name, host) + common_end(name, host),
                  std::min(name.size(), host.size()));
}

}  // namespace

bool covers(std::string_view name, std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (name.empty() || host.empty()) return false;
  if (!name.starts_with("*.")) return same(name, host);
  const size_t dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 && name.size() > 2 &&
         same(name.substr(1), host.substr(dot));
}

bool covers(const std::vector<std::string>& names, std::string_view host) {
  return std::ranges::any_of(names, [host](const std::string& name) { return covers(name, host); });
}

std::string nearest(const std::vector<std::string>& names, std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  const auto unlike = [host](std::string_view name) {
    return std::max(name.size(), host.size()) - std::min(name.size(), host.size());
  };
  std::string_view best;
  size_t most = 0;
  for (const std::string& name : names) {
    const size_t alike = likeness(name, host);
    if (alike < most || alike == 0) continue;
    if (alike == most && unlike(name) >= unlike(best)) continue;
    most = alike;
    best = name;
  }
  return std::string(best);
}

std::vector<SharedName> find_shared_names(
    std::span<const std::shared_ptr<const Certificate>> certificates) {
  std::map<std::pair<std::string_view, KeyKind>, size_t> firsts;
  std::set<std::pair<size_t, size_t>> told;
  std::vector<SharedName> shared;
  for (size_t i = 0; i < certificates.size(); ++i) {
    for (const std::string& name : certificates[i]->names()) {
      const auto [at, is_new] = firsts.try_emplace({name, certificates[i]->kind()}, i);
      if (is_new || at->second == i || !told.emplace(at->second, i).second) continue;
      shared.push_back({name, at->second, i});
    }
  }
  return shared;
}

}  // namespace sluice::tls
