// An empty file that was just written was compared with its second reading by memcmp and a null
// pointer, which is undefined even for no octets (C17 7.24.1): a sanitizer's build ended there.
#include <gtest/gtest.h>

#include "unit/server/handler/files/files_fixture.h"

namespace sluice::handler {
namespace {

TEST_F(FilesTest, AnEmptyFileThatMayStillChangeIsReadTwice) {
  write("empty", "");
  conf::Limits limits = quick_limits();
  limits.file_settle = 1h;
  serve(limits);
  const Answer answer = get("/empty");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.length, 0U);
  EXPECT_EQ(answer.body, "");
}

}  // namespace
}  // namespace sluice::handler
