// Reading a listener, and comparing it with the others.
#include "conf/reading/listener.h"

#include <utility>

#include "conf/listen_address.h"
#include "conf/reading/parts.h"

namespace sluice::conf {

namespace {

// A socket's path that is relative belongs to the file, as all paths do.
std::string whole_address(const std::string& text, const std::string& folder) {
  constexpr std::string_view kUnix = "unix:";
  const bool relative = text.starts_with(kUnix) && text.size() > kUnix.size() &&
                        !text.substr(kUnix.size()).starts_with('/');
  return relative ? std::string(kUnix) + folder + text.substr(kUnix.size()) : text;
}

}  // namespace

void ListenerReader::read(const Node& table, const std::string& folder) {
  Listener listener;
  listener.origin = report_.origin(table.place);
  listener.limits = configuration_.limits;
  read_limits(table, listener.limits, report_);
  read_address(table, folder, listener);
  read_name(table, listener);
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
  // Any free port is another one each time.
  if (address.family != ListenAddress::Family::unix_socket && address.port == 0) return;
  const std::string key = std::to_string(static_cast<int>(address.family)) + " " + address.host +
                          " " + std::to_string(address.port);
  const auto [first, added] = addresses_.emplace(key, listener.origin);
  if (added) return;
  report_.error(Code::duplicate_listener_address, node->place,
                "'" + node->text + "' is the address of a listener already",
                {"the other one is at " + first->second});
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

}  // namespace sluice::conf
