// Figures per request, judged against the targets of issues 2 and 5, section "Speed".
#include "bench/loopback/report.h"

#include <sys/utsname.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string_view>

namespace sluice::bench {
namespace {

// What runs by the clock and not by the request (files and the root are looked at once a second, a
// timer's slot comes up) falls into the window too: so many calls a second are not the requests'.
constexpr double kCallsByTheClock = 10;

bool calls_meet(double target, const Figures& figures) {
  const double allowed = target * static_cast<double>(figures.requests);
  const double by_the_clock = 1 + kCallsByTheClock * figures.seconds_of_calls;
  return static_cast<double>(figures.all_calls()) <= allowed + by_the_clock;
}

std::string number(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string calls_text(const Figures& figures) {
  std::string text;
  for (const auto& [call, count] : figures.calls) {
    const double each = figures.per_request(count);
    text += (text.empty() ? "" : ", ") + name_of_call(call) + " " +
            (each < 0.01 ? std::to_string(count) + " in all" : number(each, 2));
  }
  return text;
}

void judge_control(const Figures& figures, Verdict& verdict) {
  const uint64_t n = figures.requests;
  if (figures.allocations.by_new < n || figures.allocations.by_malloc < n) {
    verdict.doubts.push_back("allocations that are certainly made were not counted");
  }
  if (figures.calls_named("getppid") != n) {
    verdict.doubts.push_back("a system call that is certainly made was not counted once a request");
  }
}

void judge_way(const Workload& workload, const Figures& figures, Verdict& verdict) {
  const uint64_t sendfiles = figures.calls_named("sendfile");
  if (workload.sendfile == Sendfile::never && sendfiles > 0) {
    verdict.doubts.push_back("sendfile was called, which this workload is not about");
  }
  if (workload.sendfile == Sendfile::each && sendfiles < figures.requests) {
    verdict.doubts.push_back("not every response went by sendfile");
  }
}

std::string mark(bool has_target, bool met) {
  if (!has_target) return "";
  return met ? " ok" : " MISSED";
}

nlohmann::json machine() {
  utsname names{};
  ::uname(&names);
  std::ifstream cpus("/proc/cpuinfo");
  std::string line;
  std::string model;
  while (model.empty() && std::getline(cpus, line)) {
    if (line.starts_with("model name")) model = line.substr(line.find(':') + 2);
  }
  return {{"kernel", names.release}, {"architecture", names.machine}, {"cpu", model}};
}

nlohmann::json to_json(const Workload& workload, const Figures& figures) {
  nlohmann::json calls = nlohmann::json::object();
  for (const auto& [call, count] : figures.calls) calls[name_of_call(call)] = count;
  const Verdict verdict = judge(workload, figures);
  nlohmann::json result = {
      {"name", workload.name},
      {"requests", figures.requests},
      {"allocations_per_request", figures.per_request(figures.allocations.all())},
      {"allocations",
       {{"new", figures.allocations.by_new},
        {"malloc", figures.allocations.by_malloc},
        {"octets", figures.allocations.octets}}},
      {"http2_memory_taken", figures.http2_memory_taken},
      {"system_calls_per_request", figures.per_request(figures.all_calls())},
      {"system_calls", calls},
      {"system_calls_seconds", figures.seconds_of_calls},
      {"worker_cpu_nanoseconds_per_request", figures.worker_nanoseconds},
      {"round_trip_nanoseconds_per_request", figures.round_trip_nanoseconds},
      {"misses", verdict.misses},
      {"doubts", verdict.doubts}};
  if (workload.most_allocations) result["most_allocations"] = *workload.most_allocations;
  if (workload.most_system_calls) result["most_system_calls"] = *workload.most_system_calls;
  return result;
}

void print_row(const Workload& workload, const Figures& figures) {
  const double allocated = figures.per_request(figures.allocations.all());
  const double calls = figures.per_request(figures.all_calls());
  const std::string allocations = number(allocated, allocated == std::floor(allocated) ? 0 : 4) +
                                  mark(workload.most_allocations.has_value(),
                                       allocated <= workload.most_allocations.value_or(0));
  const std::string system_calls =
      number(calls, 2) + mark(workload.most_system_calls.has_value(),
                              calls_meet(workload.most_system_calls.value_or(0), figures));
  std::printf("%-48s %14s %14s %10.0f %10.0f  %s\n", std::string(workload.title).c_str(),
              allocations.c_str(), system_calls.c_str(), figures.worker_nanoseconds,
              figures.round_trip_nanoseconds, calls_text(figures).c_str());
}

}  // namespace

Verdict judge(const Workload& workload, const Figures& figures) {
  Verdict verdict;
  if (workload.control) judge_control(figures, verdict);
  judge_way(workload, figures, verdict);
  const double allocated = figures.per_request(figures.allocations.all());
  if (workload.most_allocations && allocated > *workload.most_allocations) {
    verdict.misses.push_back(std::to_string(figures.allocations.all()) + " heap allocations (" +
                             std::to_string(figures.allocations.octets) + " octets) in " +
                             std::to_string(figures.requests) + " requests; at most " +
                             number(*workload.most_allocations, 0) + " each");
  }
  if (workload.most_allocations && figures.http2_memory_taken > 0) {
    verdict.misses.push_back(std::to_string(figures.http2_memory_taken) +
                             " times nghttp2's memory came from the heap and not from a free list");
  }
  const double calls = figures.per_request(figures.all_calls());
  if (workload.most_system_calls && !calls_meet(*workload.most_system_calls, figures)) {
    verdict.misses.push_back(number(calls, 3) + " system calls per request; at most " +
                             number(*workload.most_system_calls, 2));
  }
  return verdict;
}

void print_table(const std::vector<Workload>& workloads, const std::vector<Figures>& figures) {
  std::printf(
      "One worker, one keep-alive connection, %llu requests a row, every response checked.\n\n",
      static_cast<unsigned long long>(figures.front().requests));
  std::printf("%-48s %14s %14s %10s %10s\n", "", "allocations", "system calls", "worker CPU",
              "round trip");
  std::printf("%-48s %14s %14s %10s %10s  %s\n", "workload", "per request", "per request", "ns",
              "ns", "system calls by name, per request");
  for (size_t i = 0; i < workloads.size(); ++i) print_row(workloads[i], figures[i]);
  std::printf("\n");
  for (size_t i = 0; i < workloads.size(); ++i) {
    const std::string name(workloads[i].name);
    const Verdict verdict = judge(workloads[i], figures[i]);
    for (const std::string& miss : verdict.misses)
      std::printf("MISSED %s: %s\n", name.c_str(), miss.c_str());
    for (const std::string& doubt : verdict.doubts)
      std::printf("DOUBT %s: %s\n", name.c_str(), doubt.c_str());
  }
}

void print_json(const std::vector<Workload>& workloads, const std::vector<Figures>& figures) {
  nlohmann::json rows = nlohmann::json::array();
  for (size_t i = 0; i < workloads.size(); ++i) rows.push_back(to_json(workloads[i], figures[i]));
  const nlohmann::json report = {
      {"benchmark", "loopback"}, {"machine", machine()}, {"workloads", rows}};
  std::printf("%s\n", report.dump(2).c_str());
}

}  // namespace sluice::bench
