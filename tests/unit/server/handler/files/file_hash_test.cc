// Reading a file that holds still, or does not.
#include "server/handler/files/file_hash.h"

#include <atomic>
#include <thread>

#include "server/net/descriptor.h"
#include "tests/unit/server/handler/files/files_fixture.h"

namespace sluice::handler {
namespace {

using Outcome = FileHash::Outcome;

class FileHashTest : public ::testing::Test {
 protected:
  void write(std::string_view text) {
    write_file(folder / "a", text);
    file = net::Descriptor(::open((folder / "a").c_str(), O_RDWR | O_CLOEXEC));
  }
  FileIdentity identity() const {
    struct stat status {};
    ::fstat(file.get(), &status);
    return identity_of(status);
  }

  TemporaryFolder folder;
  net::Descriptor file;
  std::atomic<bool> wanted{true};
};

TEST_F(FileHashTest, IsTheContents) {
  for (const size_t size : {0U, 1U, 1'000U, 262'143U, 262'144U, 262'145U, 1'000'000U}) {
    write(text_of_size(size));
    const FileHash hash = hash_file(file.get(), identity(), wanted);
    EXPECT_EQ(hash.outcome, Outcome::done);
    EXPECT_EQ(hash.tag, tag_of(text_of_size(size))) << size;
  }
}

TEST_F(FileHashTest, AnotherStateHasNoTag) {
  write("hello");
  FileIdentity before = identity();
  --before.changed_nanoseconds;
  EXPECT_EQ(hash_file(file.get(), before, wanted).outcome, Outcome::changed);
}

TEST_F(FileHashTest, EndsWhenItIsNotWanted) {
  write("hello");
  wanted = false;
  EXPECT_EQ(hash_file(file.get(), identity(), wanted).outcome, Outcome::failed);
}

TEST_F(FileHashTest, SaysWhatCannotBeRead) {
  write("hello");
  const FileIdentity before = identity();
  file = net::Descriptor(::open((folder / "a").c_str(), O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(hash_file(file.get(), before, wanted).outcome, Outcome::failed);
  EXPECT_EQ(hash_file(-1, before, wanted).outcome, Outcome::failed);
}

// However a rewrite falls between two chunks, there is the tag of the old content or none.
TEST_F(FileHashTest, NeverMixesTwoContents) {
  constexpr size_t kSize = 16 << 20;
  const ContentTag tag = tag_of(std::string(kSize, 'a'));
  int changed = 0;
  for (int i = 0; i < 10; ++i) {
    write(std::string(kSize, 'a'));
    const FileIdentity before = identity();
    std::this_thread::sleep_for(20ms);  // past the granularity of times
    std::thread writer([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(i * 100));
      const std::string other(1'000, 'b');
      EXPECT_EQ(::pwrite(file.get(), other.data(), other.size(), kSize - 1'000), 1'000);
    });
    const FileHash hash = hash_file(file.get(), before, wanted);
    writer.join();
    changed += hash.outcome == Outcome::changed ? 1 : 0;
    EXPECT_TRUE(hash.outcome == Outcome::changed || hash.tag == tag);
  }
  EXPECT_GT(changed, 0) << "no rewrite fell into a reading";
}

TEST_F(FileHashTest, ATruncatedFileHasNoTag) {
  write(text_of_size(1'000));
  FileIdentity before = identity();
  ASSERT_EQ(::ftruncate(file.get(), 500), 0);
  EXPECT_EQ(hash_file(file.get(), before, wanted).outcome, Outcome::changed);
  before = identity();
  EXPECT_EQ(hash_file(file.get(), before, wanted).tag, tag_of(text_of_size(1'000).substr(0, 500)));
}

}  // namespace
}  // namespace sluice::handler
