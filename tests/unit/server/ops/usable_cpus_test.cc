// The forms of cgroup v2's cpu.max.
#include "server/ops/usable_cpus.h"

#include <gtest/gtest.h>

namespace sluice::ops {
namespace {

TEST(UsableCpus, RoundsAQuotaUp) {
  EXPECT_EQ(cpus_of_quota("100000 100000"), 1u);
  EXPECT_EQ(cpus_of_quota("150000 100000"), 2u);
  EXPECT_EQ(cpus_of_quota("20000 100000"), 1u);
  EXPECT_EQ(cpus_of_quota("400000 100000\n"), 4u);
}

TEST(UsableCpus, TakesNoBoundFromWhatIsNoQuota) {
  EXPECT_EQ(cpus_of_quota("max 100000"), 0u);
  EXPECT_EQ(cpus_of_quota(""), 0u);
  EXPECT_EQ(cpus_of_quota("100000"), 0u);
  EXPECT_EQ(cpus_of_quota("100000 0"), 0u);
  EXPECT_EQ(cpus_of_quota("-5 100000"), 0u);
}

TEST(UsableCpus, AreAtLeastOne) { EXPECT_GE(usable_cpus(), 1u); }

}  // namespace
}  // namespace sluice::ops
