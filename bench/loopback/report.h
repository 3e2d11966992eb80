// What the figures mean: targets met or missed, for people and as JSON.
#pragma once

#include <string>
#include <vector>

#include "bench/loopback/measure.h"
#include "bench/loopback/workload.h"

namespace sluice::bench {

// What is wrong with one workload's figures; empty when nothing is. A miss is a target that was not
// reached; a doubt means that the count itself is not to be trusted (the control does not show, a
// file went another way).
struct Verdict {
  std::vector<std::string> misses;
  std::vector<std::string> doubts;
};

Verdict judge(const Workload& workload, const Figures& figures);

void print_table(const std::vector<Workload>& workloads, const std::vector<Figures>& figures);
void print_json(const std::vector<Workload>& workloads, const std::vector<Figures>& figures);

}  // namespace sluice::bench
