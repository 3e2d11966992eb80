// A server that can be asked and told, for the tests of the control socket.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "server/ops/control_commands.h"

namespace sluice::ops {

class FakeCommands final : public ControlCommands {
 public:
  std::string version() const override { return "1.2.3"; }
  Health health() override { return state; }
  std::chrono::milliseconds stop() override {
    ++stops;
    return std::chrono::milliseconds(1500);
  }
  Reloading reload() override {
    ++reloads;
    return reloading;
  }

  Health state{.uptime = std::chrono::seconds(5),
               .workers = 2,
               .connections = 3,
               .sites = 4,
               .listeners = {"http://127.0.0.1:8080"},
               .configuration = "/etc/sluice/sluice.toml",
               .loaded = "2026-11-24T08:31:18Z"};
  Reloading reloading{.done = true, .text = "all new"};
  int stops = 0;
  int reloads = 0;
};

}  // namespace sluice::ops
