// How many workers are worth starting: what the scheduler will really give us.
#pragma once

#include <cstddef>
#include <string_view>

namespace sluice::ops {

// The smaller of the CPU affinity mask and the cgroup's CPU quota, rounded up; at least 1.
size_t usable_cpus();

// CPUs that a cgroup v2 cpu.max ("QUOTA PERIOD" in microseconds, or "max PERIOD") allows, rounded
// up; 0 for no bound and for what cannot be read.
size_t cpus_of_quota(std::string_view cpu_max);

}  // namespace sluice::ops
