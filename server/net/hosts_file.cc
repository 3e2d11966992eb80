// Reading /etc/hosts: an address, white space, names; '#' begins a comment.
#include "server/net/hosts_file.h"

#include <algorithm>
#include <fstream>
#include <utility>

namespace sluice::net {

namespace {

constexpr std::string_view kSpace = " \t\r\f\v";
// What is read of it: block lists of a hundred thousand names are a few MiB.
constexpr size_t kMostOctets = 16 * 1024 * 1024;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower_case(std::string_view text) {
  std::string made(text);
  std::transform(made.begin(), made.end(), made.begin(), lower);
  return made;
}

bool same_name(std::string_view written, std::string_view name) noexcept {
  if (written.ends_with('.')) written.remove_suffix(1);
  return std::equal(written.begin(), written.end(), name.begin(), name.end(),
                    [](char one, char other) { return lower(one) == other; });
}

// Takes the next word off `line`; empty: there is none.
std::string_view take_word(std::string_view& line) noexcept {
  line.remove_prefix(std::min(line.find_first_not_of(kSpace), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kSpace));
  line.remove_prefix(word.size());
  return word;
}

bool names(std::string_view line, std::string_view name) noexcept {
  for (;;) {
    const std::string_view word = take_word(line);
    if (word.empty()) return false;
    if (same_name(word, name)) return true;
  }
}

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  char piece[4096];
  while (text.size() < kMostOctets && (file.read(piece, sizeof piece), file.gcount() > 0)) {
    text.append(piece, static_cast<size_t>(file.gcount()));
  }
  return text;
}

std::vector<SocketAddress> this_machine() {
  return {SocketAddress::of(in6addr_loopback, 0),
          SocketAddress::of(in_addr{htonl(INADDR_LOOPBACK)}, 0)};
}

}  // namespace

std::vector<SocketAddress> hosts_entries(std::string_view text, std::string_view name) {
  std::vector<SocketAddress> found;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line = line.substr(0, line.find('#'));
    const std::string_view address = take_word(line);
    if (!names(line, name)) continue;
    const auto parsed = SocketAddress::parse(address, 0);
    if (!parsed || std::find(found.begin(), found.end(), *parsed) != found.end()) continue;
    found.push_back(*parsed);
  }
  return found;
}

const std::vector<SocketAddress>& HostsFile::addresses(const std::string& host) {
  const FileIdentity identity = FileIdentity::of(path_);
  if (!(identity == std::exchange(identity_, identity))) found_.clear();
  std::string name = lower_case(host);
  if (name.ends_with('.')) name.pop_back();
  const auto known = found_.find(name);
  if (known != found_.end()) return known->second;
  std::vector<SocketAddress> found = hosts_entries(contents(path_), name);
  const bool local = name == "localhost" || name.ends_with(".localhost");
  if (found.empty() && local) found = this_machine();
  return found_[name] = std::move(found);
}

}  // namespace sluice::net
