// Notes of windows that were sent lately: they age, and far windows do not pass for one another.
#include "server/handler/files/window_notes.h"

#include <gtest/gtest.h>

namespace sluice::handler {
namespace {

TEST(WindowNotes, StartWithoutAny) {
  WindowNotes notes(3);
  for (uint64_t window = 0; window < 3; ++window) EXPECT_FALSE(notes.use(window, 0));
}

TEST(WindowNotes, AreRenewedByUse) {
  WindowNotes notes(1);
  notes.note(0, 100);
  EXPECT_TRUE(notes.use(0, 100));
  EXPECT_TRUE(notes.use(0, 159));
  EXPECT_TRUE(notes.use(0, 218)) << "59 s after the last use";
  EXPECT_FALSE(notes.use(0, 278)) << "60 s after the last use";
}

TEST(WindowNotes, SurviveTheSecondsWrapping) {
  WindowNotes notes(1);
  notes.note(0, 0xFFFFFFFF);
  EXPECT_TRUE(notes.use(0, 5));
  EXPECT_FALSE(notes.use(0, 100));
}

TEST(WindowNotes, FarWindowsDisplaceEachOther) {
  WindowNotes notes(1'000'000);
  notes.note(5, 100);
  EXPECT_FALSE(notes.use(5 + 1024, 100));
  notes.note(5 + 1024, 100);
  EXPECT_FALSE(notes.use(5, 100));
  EXPECT_TRUE(notes.use(5 + 1024, 100));
  EXPECT_LE(notes.footprint(), 8'192u);
}

}  // namespace
}  // namespace sluice::handler
