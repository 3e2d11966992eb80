// Rendering and reading, by nlohmann's form without exceptions: what comes over the socket may be
// anything.
#include "server/ops/control_protocol.h"

#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace sluice::ops {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kEchoed = 64;  // octets of an unknown command that the answer repeats

// Octets that are no UTF-8 are replaced; dump() would throw for them otherwise.
std::string to_line(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
}

std::string_view name_of(Health::Status status) {
  switch (status) {
    case Health::Status::draining:
      return "draining";
    case Health::Status::failing:
      return "failing";
    case Health::Status::serving:
      break;
  }
  return "serving";
}

Json answer_version(ControlCommands& commands) {
  return {{"ok", true}, {"version", commands.version()}, {"pid", ::getpid()}};
}

Json answer_health(ControlCommands& commands) {
  const Health health = commands.health();
  return {{"ok", true},
          {"status", name_of(health.status)},
          {"pid", ::getpid()},
          {"version", commands.version()},
          {"uptime_seconds", health.uptime.count()},
          {"workers", health.workers},
          {"connections", health.connections},
          {"sites", health.sites},
          {"listeners", health.listeners},
          {"configuration", health.configuration},
          {"loaded", health.loaded}};
}

Json answer_stop(ControlCommands& commands) {
  return {{"ok", true}, {"pid", ::getpid()}, {"within_milliseconds", commands.stop().count()}};
}

Json answer_reload(ControlCommands& commands) {
  Reloading reloading = commands.reload();
  return {{"ok", reloading.done},
          {reloading.done ? "message" : "error", std::move(reloading.text)}};
}

struct Command {
  std::string_view name;
  Json (*answer)(ControlCommands& commands);
};
constexpr std::array<Command, 4> kCommands = {{{"version", answer_version},
                                               {"health", answer_health},
                                               {"stop", answer_stop},
                                               {"reload", answer_reload}}};

std::string unknown_command(std::string_view name) {
  std::string text = "unknown command '" + std::string(name.substr(0, kEchoed)) + "'; there are";
  for (const Command& command : kCommands) text += " " + std::string(command.name);
  return text;
}

void read(const Json& json, const char* name, std::string& out) {
  const auto found = json.find(name);
  if (found != json.end() && found->is_string()) out = *found->get_ptr<const std::string*>();
}

void read(const Json& json, const char* name, uint64_t& out) {
  const auto found = json.find(name);
  if (found != json.end() && found->is_number_unsigned())
    out = *found->get_ptr<const Json::number_unsigned_t*>();
}

}  // namespace

std::string control_error(std::string_view error) {
  return to_line({{"ok", false}, {"error", error}});
}

std::string control_request(std::string_view command) { return to_line({{"command", command}}); }

std::string answer_control_line(std::string_view line, ControlCommands& commands) {
  const Json json = Json::parse(line, nullptr, false);
  if (json.is_discarded()) return control_error("this line is no JSON");
  if (!json.is_object())
    return control_error("expected an object such as {\"command\":\"health\"}");
  std::string name;
  read(json, "command", name);
  if (name.empty()) return control_error("\"command\" is missing or no text");
  for (const Command& command : kCommands) {
    if (command.name == name) return to_line(command.answer(commands));
  }
  return control_error(unknown_command(name));
}

std::optional<ControlAnswer> read_control_answer(std::string_view line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto ok = json.find("ok");
  if (ok == json.end() || !ok->is_boolean()) return std::nullopt;
  ControlAnswer answer{.ok = *ok->get_ptr<const bool*>()};
  read(json, "error", answer.error);
  read(json, "message", answer.message);
  read(json, "status", answer.status);
  read(json, "version", answer.version);
  read(json, "uptime_seconds", answer.uptime_seconds);
  read(json, "within_milliseconds", answer.within_milliseconds);
  read(json, "workers", answer.workers);
  read(json, "connections", answer.connections);
  read(json, "sites", answer.sites);
  return answer;
}

}  // namespace sluice::ops
