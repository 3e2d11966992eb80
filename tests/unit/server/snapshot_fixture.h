// A configuration's text, served over a scripted transport: for tests of what it means to a client.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/reader.h"
#include "server/handler/files/file_resources.h"
#include "server/snapshot.h"
#include "unit/server/handler/files/files_fixture.h"
#include "unit/server/http/connection_fixture.h"

namespace sluice {

class SnapshotFixture : public testing::Test {
 protected:
  ~SnapshotFixture() override {
    world.context.abort_all("test over");
    world.turn();
    world.context.router = Ref<http::Router>(&world.router);  // ends the snapshot's own
  }

  void write(const std::string& name, std::string_view text) {
    std::filesystem::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << text;
  }
  // `text` with a listener behind it.
  std::shared_ptr<const conf::Configuration> read(std::string_view text) {
    write("sluice.toml", std::string(text) + "\n[[listener]]\naddress = \"127.0.0.1:0\"\n");
    conf::Reading reading =
        conf::read_configuration((folder / "sluice.toml").string(), conf::process_environment);
    for (const conf::Diagnostic& one : reading.diagnostics) ADD_FAILURE() << one.message;
    return reading.configuration;
  }
  // Serves what `text` says; its listeners have the numbers 10, 11, ...
  void serve(std::string_view text) {
    std::shared_ptr<const conf::Configuration> configuration = read(text);
    ASSERT_TRUE(configuration);
    std::vector<std::string> problems;
    snapshot = Snapshot::build(configuration, resources, upstreams, snapshot.get(), problems);
    EXPECT_TRUE(problems.empty()) << problems.front();
    std::vector<uint32_t> numbers;
    for (size_t i = 0; i < configuration->listeners.size(); ++i)
      numbers.push_back(10 + static_cast<uint32_t>(i));
    http::ServingRules rules = snapshot->make_rules(world.loop, helpers, nullptr, numbers);
    world.context.router = std::move(rules.router);
    world.listener = rules.listeners.front();
  }
  std::string ask(std::string_view path, std::string_view host = "a.example",
                  std::string_view more = {}, std::string_view method = "GET") {
    world.connect();
    world.send(std::string(method) + " " + std::string(path) +
               " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n" + std::string(more) + "\r\n");
    for (int i = 0; i < 500 && world.wire.output.empty(); ++i)
      world.wait(std::chrono::milliseconds(2));
    return world.output();
  }
  static std::string content(const std::string& response) {
    const size_t end = response.find("\r\n\r\n");
    return end == std::string::npos ? "" : response.substr(end + 4);
  }
  static bool has(const std::string& response, std::string_view text) {
    return response.find(text) != std::string::npos;
  }
  int status(const std::string&) const {
    const std::vector<int> statuses = world.statuses();
    return statuses.empty() ? 0 : statuses.back();
  }

  const handler::TemporaryFolder temporary;
  const std::filesystem::path folder = temporary.path();
  handler::FileResources resources{conf::Limits()};
  std::shared_ptr<const Snapshot> snapshot;
  net::Helpers helpers{1, 64};
  http::ConnectionFixture world;
  const conf::Limits limits{};
  net::Resolver resolver{world.loop, {}, {}};
  handler::proxy::Upstreams upstreams{resolver, limits};
};

}  // namespace sluice
