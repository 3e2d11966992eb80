// A configuration whose file, or an included one, was a named pipe without a writer: a reload
// waited in open() for ever, and SIGTERM was not heard any more.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <thread>

#include "conf/file_source.h"
#include "unit/server/handler/files/files_fixture.h"

namespace sluice::conf {
namespace {

TEST(ConfigurationPipe, IsNotWaitedForWithoutAWriter) {
  const handler::TemporaryFolder folder;
  const std::string path = folder / "sluice.toml";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  std::string text;
  EXPECT_EQ(real_files().read(path, text), "");
  EXPECT_EQ(text, "");
}

TEST(ConfigurationPipe, IsReadToTheEnd) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const std::string path = "/dev/fd/" + std::to_string(ends[0]);
  std::thread writer([&] {
    for (const char* piece : {"one ", "two"}) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      EXPECT_GT(::write(ends[1], piece, std::string_view(piece).size()), 0);
    }
    ::close(ends[1]);
  });
  std::string text;
  EXPECT_EQ(real_files().read(path, text), "");
  EXPECT_EQ(text, "one two");
  writer.join();
  ::close(ends[0]);
}

}  // namespace
}  // namespace sluice::conf
