// Ticket keys: from files and from nowhere, one after the other.
#include "tls/ticket_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "tests/unit/tls/made_certificates.h"

namespace sluice::tls {
namespace {

std::string octets(size_t size, char first) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(first + static_cast<char>(i));
  return text;
}

template <typename Array>
std::string text_of(const Array& array) {
  return {reinterpret_cast<const char*>(array.data()), array.size()};
}

class TicketKeysTest : public ::testing::Test {
 protected:
  std::shared_ptr<TicketKeys> load(const std::vector<std::string>& paths) {
    return TicketKeys::load(paths, error_);
  }

  const CertificateFolder folder_;
  std::string error_;
};

TEST_F(TicketKeysTest, ALongFileIsNameThenBothSecrets) {
  const std::string text = octets(80, 1);
  const auto keys = load({folder_.write("key", text)});
  ASSERT_NE(keys, nullptr) << error_;
  const TicketKey& key = keys->ring()->front();
  EXPECT_EQ(text_of(key.name), text.substr(0, 16));
  EXPECT_EQ(text_of(key.mac), text.substr(16, 32));
  EXPECT_EQ(text_of(key.cipher), text.substr(48, 32));
  EXPECT_EQ(key.secret_octets, 32U);
  EXPECT_EQ(keys->name(), text.substr(0, 16));
}

// And, as nginx has it, that of the cipher first.
TEST_F(TicketKeysTest, AShortFileHasSecretsHalfAsLong) {
  const std::string text = octets(48, 1);
  const auto keys = load({folder_.write("key", text)});
  ASSERT_NE(keys, nullptr) << error_;
  const TicketKey& key = keys->ring()->front();
  EXPECT_EQ(text_of(key.cipher).substr(0, 16), text.substr(16, 16));
  EXPECT_EQ(text_of(key.mac).substr(0, 16), text.substr(32, 16));
  EXPECT_EQ(key.secret_octets, 16U);
}

TEST_F(TicketKeysTest, FilesStayInTheirOrder) {
  const auto keys =
      load({folder_.write("new", octets(80, 1)), folder_.write("old", octets(48, 2))});
  ASSERT_NE(keys, nullptr) << error_;
  ASSERT_EQ(keys->ring()->size(), 2U);
  EXPECT_EQ(keys->name(), octets(16, 1));
  EXPECT_EQ(text_of(keys->ring()->back().name), octets(16, 2));
}

TEST_F(TicketKeysTest, OtherSizesAreRefusedWithWhatToDo) {
  for (const size_t size : {0U, 1U, 16U, 47U, 49U, 79U, 81U, 1000U}) {
    const std::string path = folder_.write("key", octets(size, 1));
    EXPECT_EQ(load({path}), nullptr) << size;
    const std::string has = size > 80 ? "more" : std::to_string(size);
    EXPECT_EQ(error_, path + ": a file of ticket keys has 80 octets (or 48), this one has " + has +
                          "; make one with: openssl rand -out " + path + " 80");
  }
}

TEST_F(TicketKeysTest, AMissingFileIsTold) {
  EXPECT_EQ(load({folder_.write("key", octets(80, 1)), folder_.path("none")}), nullptr);
  EXPECT_EQ(error_, folder_.path("none") + ": cannot be read: No such file or directory");
}

TEST_F(TicketKeysTest, AFolderIsNoFile) {
  EXPECT_EQ(load({folder_.path().string()}), nullptr);
  EXPECT_NE(error_, "");
}

TEST_F(TicketKeysTest, TwoFilesOfOneNameAreRefused) {
  const std::string second = folder_.write("b", octets(48, 1));
  EXPECT_EQ(load({folder_.write("a", octets(80, 1)), second}), nullptr);
  EXPECT_EQ(error_,
            second + ": begins with the same name (16 octets) as another file of ticket keys");
}

TEST(TicketKeys, RandomOnesDifferAndAreLong) {
  std::set<std::string> seen;
  for (int i = 0; i < 20; ++i) {
    const auto keys = TicketKeys::random();
    const TicketKey& key = keys->ring()->front();
    EXPECT_EQ(key.secret_octets, 32U);
    for (const std::string& part : {text_of(key.mac), text_of(key.cipher)})
      EXPECT_TRUE(seen.insert(part).second);
    EXPECT_TRUE(seen.insert(keys->name()).second);
  }
}

TEST(TicketKeys, RotationPutsAFreshKeyInFrontAndKeepsTwo) {
  const auto keys = TicketKeys::random();
  std::vector<std::string> names = {keys->name()};
  for (int i = 0; i < 5; ++i) {
    const auto before = keys->ring();
    keys->rotate();
    names.insert(names.begin(), keys->name());
    const auto after = keys->ring();
    ASSERT_EQ(after->size(), std::min<size_t>(names.size(), 1 + TicketKeys::kPreviousKept));
    for (size_t at = 0; at < after->size(); ++at)
      EXPECT_EQ(text_of((*after)[at].name), names[at]) << i;
    EXPECT_EQ(text_of(before->front().name), names[1]) << "a ring that is in use does not change";
  }
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
}

TEST(TicketKeys, MayRotateWhileOthersRead) {
  const auto keys = TicketKeys::random();
  std::thread reading([&] {
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(keys->ring()->empty());
  });
  for (int i = 0; i < 100; ++i) keys->rotate();
  reading.join();
  EXPECT_EQ(keys->ring()->size(), 3U);
}

}  // namespace
}  // namespace sluice::tls
