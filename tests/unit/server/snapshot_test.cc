// What a reload keeps of the folders that are served, and folders that are not there.
#include "server/snapshot.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "unit/server/snapshot_fixture.h"

namespace sluice {
namespace {

using SnapshotTest = SnapshotFixture;

TEST_F(SnapshotTest, AFolderThatIsServedAlikeKeepsWhatItHolds) {
  write("one/index.html", "x");
  write("two/index.html", "y");
  const std::string text = R"(
    [[site]]
    root = "one"
    [[site.route]]
    prefix = "/two/"
    files = )";
  serve(text + R"({ root = "two" })");
  const std::shared_ptr<const Snapshot> first = snapshot;
  serve(text + R"({ root = "two" })");
  ASSERT_NE(first, snapshot);
  EXPECT_EQ(first->sites()[0].folders, snapshot->sites()[0].folders);
  serve(text + R"({ root = "two", listing = true })");
  EXPECT_NE(first->sites()[0].folders[0], snapshot->sites()[0].folders[0]);
  EXPECT_EQ(first->sites()[0].folders[1], snapshot->sites()[0].folders[1]);
}

TEST_F(SnapshotTest, AFolderThatIsMissingIsAProblemAndServedWhenItComes) {
  const auto configuration = std::make_shared<conf::Configuration>();
  configuration->listeners.push_back({.name = "default", .address = "127.0.0.1:0"});
  conf::Site site{.name = "one", .is_default = true};
  site.routes.push_back({.match = {},
                         .action = conf::FilesAction{.root = (folder / "late").string()},
                         .origin = "sluice.toml:3"});
  configuration->sites.push_back(site);
  std::vector<std::string> problems;
  snapshot = Snapshot::build(configuration, resources, upstreams, nullptr, problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_TRUE(problems[0].starts_with("sluice.toml:3: there is no folder '")) << problems[0];
  http::ServingRules rules = snapshot->make_rules(world.loop, helpers, nullptr, {0});
  world.context.router = std::move(rules.router);
  EXPECT_EQ(status(ask("/")), 503);
  write("late/index.html", "late");
  EXPECT_EQ(content(ask("/")), "late");
}

}  // namespace
}  // namespace sluice
