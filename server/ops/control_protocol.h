// The control socket's language: one JSON object a line, in and out.
//
//     {"command":"health"}            ->  {"ok":true,"status":"serving",...}
//     {"command":"helth"}             ->  {"ok":false,"error":"unknown command ..."}
//
// Members that a command does not know are ignored, so that an older server understands a newer
// client.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/ops/control_commands.h"

namespace sluice::ops {

// What to answer to `line` (without its end); carries its commands out. Ends with a newline.
std::string answer_control_line(std::string_view line, ControlCommands& commands);

// {"ok":false,"error":...} for what is wrong before a command was read.
std::string control_error(std::string_view error);

// The client's side: the line that asks for `command`.
std::string control_request(std::string_view command);

// What the client needs of an answer; absent members keep their defaults.
struct ControlAnswer {
  bool ok = false;
  std::string error;
  std::string message;  // reload: what changed
  std::string status;   // health
  std::string version;
  uint64_t uptime_seconds = 0;
  uint64_t within_milliseconds = 0;  // stop: how long it may take
  uint64_t workers = 0;
  uint64_t connections = 0;
  uint64_t sites = 0;
};
// Nothing when `line` is no answer.
std::optional<ControlAnswer> read_control_answer(std::string_view line);

}  // namespace sluice::ops
