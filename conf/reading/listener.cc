// Reading a listener, and comparing it with the others.
#include "conf/reading/listener.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <utility>

#include "conf/reading/parts.h"
#include "conf/reading/tls.h"
#include "conf/spelling.h"

namespace sluice::conf {

namespace {

// A socket's path that is relative belongs to the file, as all paths do.
std::string whole_address(const std::string& text, const std::string& folder) {
  constexpr std::string_view kUnix = "unix:";
  const bool relative = text.starts_with(kUnix) && text.size() > kUnix.size() &&
                        !text.substr(kUnix.size()).starts_with('/');
  return relative ? std::string(kUnix) + folder + text.substr(kUnix.size()) : text;
}

using Family = ListenAddress::Family;

// An address's octets, however it is spelt; all zero is every address of its family.
std::array<uint8_t, 16> octets_of(const ListenAddress& address) {
  std::array<uint8_t, 16> octets{};
  inet_pton(address.family == Family::ipv4 ? AF_INET : AF_INET6, address.host.c_str(),
            octets.data());
  return octets;
}

// Whether one cannot listen while the other does.
bool collide(const ListenAddress& left, const ListenAddress& right) {
  const bool unix_sockets = left.family == Family::unix_socket;
  if (unix_sockets || right.family == Family::unix_socket) return left == right;
  // Any free port is another one each time.
  if (left.port != right.port || left.port == 0) return false;
  if (left.host.empty() || right.host.empty()) return true;  // both families
  if (left.family != right.family) return false;
  const std::array<uint8_t, 16> all{}, first = octets_of(left), second = octets_of(right);
  return first == second || first == all || second == all;
}

}  // namespace

void ListenerReader::read(const Node& table, const std::string& folder) {
  Listener listener;
  listener.origin = report_.origin(table.place);
  listener.limits = configuration_.limits;
  read_limits(table, listener.limits, report_);
  read_address(table, folder, listener);
  read_name(table, listener);
  read_tls(table, folder, listener);
  listener.http2 = flag_or(table, "http2", true);
  listener.proxy_protocol = flag_or(table, "proxy_protocol", false);
  places_.push_back(table.place);
  configuration_.listeners.push_back(std::move(listener));
}

void ListenerReader::finish() {
  if (!places_.empty()) return;
  configuration_.listeners.push_back(
      {.name = "default", .address = "127.0.0.1:8080", .limits = configuration_.limits});
}

void ListenerReader::read_address(const Node& table, const std::string& folder,
                                  Listener& listener) {
  const Node* node = table.find("address");
  if (node == nullptr) return;
  listener.address = whole_address(node->text, folder);
  ListenAddress address;
  if (const std::string problem = parse_listen_address(listener.address, address);
      !problem.empty()) {
    return report_.error(Code::bad_listen_address, node->place, problem);
  }
  check_address(address, *node, listener.origin);
  warn_of_port(table, address, *node);
}

// `tls = false` says that it is meant so.
void ListenerReader::warn_of_port(const Node& table, const ListenAddress& address,
                                  const Node& node) {
  const bool https = address.port == 443 || address.port == 8443;
  if (!https || table.entry("tls") != nullptr || table.has_bad_entry()) return;
  report_.warning(Code::clear_text_on_https_port, node.place,
                  "the listener speaks clear text on a port that is meant for https",
                  {"add tls = true and a [[certificate]]; or tls = false, if it is meant so"});
}

void ListenerReader::read_tls(const Node& table, const std::string& folder, Listener& listener) {
  const Entry* entry = table.entry("tls");
  tls_places_.push_back(entry != nullptr ? entry->key_place : table.place);
  if (entry == nullptr || entry->value.bad) return;
  const Node& tls = entry->value;
  if (tls.kind == Node::Kind::table) {
    listener.tls = read_tls_table(tls, folder, context_);
  } else if (tls.boolean) {
    listener.tls.emplace();
  }
}

void ListenerReader::check_address(const ListenAddress& address, const Node& node,
                                   const Origin& origin) {
  const auto other = std::find_if(addresses_.begin(), addresses_.end(),
                                  [&](const auto& known) { return collide(known.first, address); });
  if (other == addresses_.end()) {
    addresses_.emplace_back(address, origin);
    return;
  }
  report_.error(Code::duplicate_listener_address, node.place,
                "'" + node.text + "' is " +
                    (other->first == address ? "the address of a listener already"
                                             : "no address beside that of another listener: "
                                               "one of them is part of the other"),
                {"the other one is at " + other->second});
}

void ListenerReader::read_name(const Node& table, Listener& listener) {
  const Node* node = table.find("name");
  listener.name = node != nullptr ? node->text : listener.address;
  if (node != nullptr && node->text.empty()) {
    return report_.error(Code::empty_value, node->place, "'name' is empty");
  }
  if (listener.name.empty()) return;
  const auto [first, added] = names_.emplace(listener.name, listener.origin);
  // Two without a name that share an address are told so already.
  if (added || node == nullptr) return;
  report_.error(Code::duplicate_listener_name, node->place,
                "there is a listener named '" + listener.name + "' already",
                {"the other one is at " + first->second});
}

std::set<std::string, std::less<>> names_of(const std::vector<Listener>& listeners) {
  std::set<std::string, std::less<>> names;
  for (const Listener& listener : listeners) names.insert(listener.name);
  return names;
}

void unknown_listener(const Node& name, const std::set<std::string, std::less<>>& known,
                      Report& report) {
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  std::string list = "there are:";
  for (const std::string_view one : candidates) list.append(" ").append(one);
  report.error(Code::unknown_listener, name.place, "there is no listener named '" + name.text + "'",
               {did_you_mean(name.text, candidates), list});
}

}  // namespace sluice::conf
