// The control socket's lines: what each command answers, and that anything else is an answer too.
#include "server/ops/control_protocol.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>

#include "unit/server/ops/control_fakes.h"

namespace sluice::ops {
namespace {

using nlohmann::json;

json ask(ControlCommands& commands, std::string_view line) {
  const std::string answer = answer_control_line(line, commands);
  EXPECT_EQ(answer.find('\n'), answer.size() - 1) << "one line: " << answer;
  return json::parse(answer);
}

TEST(ControlProtocol, VersionNamesTheProcess) {
  FakeCommands commands;
  EXPECT_EQ(ask(commands, R"({"command":"version"})"),
            json({{"ok", true}, {"version", "1.2.3"}, {"pid", getpid()}}));
}

TEST(ControlProtocol, HealthSaysHowItIs) {
  FakeCommands commands;
  const json answer = ask(commands, R"({"command":"health"})");
  EXPECT_EQ(answer["ok"], true);
  EXPECT_EQ(answer["status"], "serving");
  EXPECT_EQ(answer["uptime_seconds"], 5);
  EXPECT_EQ(answer["workers"], 2);
  EXPECT_EQ(answer["connections"], 3);
  EXPECT_EQ(answer["sites"], 4);
  EXPECT_EQ(answer["listeners"], json({"http://127.0.0.1:8080"}));
  EXPECT_EQ(answer["configuration"], "/etc/sluice/sluice.toml");
  EXPECT_EQ(answer["loaded"], "2026-11-24T08:31:18Z");
  commands.state.status = Health::Status::draining;
  EXPECT_EQ(ask(commands, R"({"command":"health"})")["status"], "draining");
  commands.state.status = Health::Status::failing;
  EXPECT_EQ(ask(commands, R"({"command":"health"})")["status"], "failing");
}

TEST(ControlProtocol, StopSaysHowLongItMayTake) {
  FakeCommands commands;
  EXPECT_EQ(ask(commands, R"({"command":"stop"})"),
            json({{"ok", true}, {"pid", getpid()}, {"within_milliseconds", 1500}}));
  EXPECT_EQ(commands.stops, 1);
}

TEST(ControlProtocol, ReloadAnswersWithTheResult) {
  FakeCommands commands;
  EXPECT_EQ(ask(commands, R"({"command":"reload"})"), json({{"ok", true}, {"message", "all new"}}));
  commands.reloading = {.done = false, .text = "line 3 is wrong"};
  EXPECT_EQ(ask(commands, R"({"command":"reload"})"),
            json({{"ok", false}, {"error", "line 3 is wrong"}}));
  EXPECT_EQ(commands.reloads, 2);
}

TEST(ControlProtocol, OtherMembersAndSpaceAreIgnored) {
  FakeCommands commands;
  EXPECT_EQ(ask(commands, " {\"patience\": 3, \"command\" : \"version\"}\r")["ok"], true);
}

TEST(ControlProtocol, WhatIsNoCommandGetsAnErrorAndDoesNothing) {
  FakeCommands commands;
  const std::string lines[] = {"",
                               "stop",
                               "\"stop\"",
                               "{\"command\":\"stop\"",
                               "[\"stop\"]",
                               "{}",
                               "{\"command\":[\"stop\"]}",
                               "{\"command\":null}",
                               "{\"command\":\"\"}",
                               "{\"command\":\"STOP\"}",
                               "{\"command\":\"stop \"}",
                               "{\"command\":\"stop\"} {}",
                               "null",
                               "1e999",
                               std::string("{\"command\":\"stop\0\"}", 19),
                               "{\"command\":\"\xff\xfe\"}",
                               std::string(60'000, '['),
                               "{\"command\":\"" + std::string(60'000, 'x') + "\"}"};
  for (const std::string& line : lines) {
    const json answer = ask(commands, line);
    EXPECT_EQ(answer["ok"], false) << line.substr(0, 80);
    EXPECT_FALSE(answer["error"].get<std::string>().empty());
    EXPECT_LT(answer.dump().size(), 400u) << "echoes little";
  }
  EXPECT_EQ(commands.stops, 0);
}

TEST(ControlProtocol, AnUnknownCommandIsToldTheKnownOnes) {
  FakeCommands commands;
  const std::string error = ask(commands, R"({"command":"helth"})")["error"];
  for (const char* word : {"helth", "version", "health", "stop", "reload"})
    EXPECT_NE(error.find(word), std::string::npos) << error;
}

TEST(ControlProtocol, TheClientReadsWhatTheServerSays) {
  FakeCommands commands;
  const auto health = read_control_answer(answer_control_line(control_request("health"), commands));
  ASSERT_TRUE(health);
  EXPECT_TRUE(health->ok);
  EXPECT_EQ(health->status, "serving");
  EXPECT_EQ(health->uptime_seconds, 5u);
  EXPECT_EQ(health->workers, 2u);
  EXPECT_EQ(health->connections, 3u);
  EXPECT_EQ(health->sites, 4u);
  const auto stop = read_control_answer(answer_control_line(control_request("stop"), commands));
  ASSERT_TRUE(stop);
  EXPECT_EQ(stop->within_milliseconds, 1500u);
  const auto reload = read_control_answer(answer_control_line(control_request("reload"), commands));
  ASSERT_TRUE(reload);
  EXPECT_EQ(reload->message, "all new");
  const auto error = read_control_answer(control_error("no"));
  ASSERT_TRUE(error);
  EXPECT_FALSE(error->ok);
  EXPECT_EQ(error->error, "no");
}

TEST(ControlProtocol, TheClientTakesNothingElseForAnAnswer) {
  for (const char* line :
       {"", "{}", "[]", "ok", R"({"ok":1})", R"({"ok":"true"})", R"({"ok":true)"})
    EXPECT_FALSE(read_control_answer(line)) << line;
  const auto odd =
      read_control_answer(R"({"ok":true,"status":7,"workers":-1,"uptime_seconds":"x"})");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->status, "");
  EXPECT_EQ(odd->workers, 0u);
}

}  // namespace
}  // namespace sluice::ops
