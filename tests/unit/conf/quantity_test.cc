// Quantities are read back as they are written; conf/limits_test.cc has the texts that are none.
#include "conf/quantity.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace sluice::conf {
namespace {

TEST(Quantity, TakesTheUnitsOfItsKind) {
  EXPECT_EQ(parse_quantity(Unit::octets, "512"), 512U);
  EXPECT_EQ(parse_quantity(Unit::octets, "8KiB"), 8192U);
  EXPECT_EQ(parse_quantity(Unit::octets_per_second, "1MiB"), 1048576U);
  EXPECT_EQ(parse_quantity(Unit::time, "2m"), 120'000U);
  EXPECT_EQ(parse_quantity(Unit::count, "100"), 100U);
  for (const char* text : {"", "KiB", "8 KiB", "8kib", "8KiBs", "-8", "10s", "17179869184GiB"}) {
    EXPECT_FALSE(parse_quantity(Unit::octets, text)) << text;
  }
  EXPECT_FALSE(parse_quantity(Unit::time, "10"));
  EXPECT_FALSE(parse_quantity(Unit::count, "1KiB"));
}

TEST(Quantity, IsReadBackAsItIsWritten) {
  for (const uint64_t value : {0ULL, 1ULL, 1023ULL, 1024ULL, 1536ULL, 3ULL << 20, 5ULL << 30}) {
    EXPECT_EQ(parse_quantity(Unit::octets, quantity_text(Unit::octets, value)), value);
    EXPECT_EQ(parse_quantity(Unit::time, quantity_text(Unit::time, value)), value);
  }
  EXPECT_EQ(quantity_text(Unit::octets, 1536), "1536");
  EXPECT_EQ(quantity_text(Unit::octets, 3 << 20), "3MiB");
  EXPECT_EQ(quantity_text(Unit::time, 90'000), "90s");
}

}  // namespace
}  // namespace sluice::conf
