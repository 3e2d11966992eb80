// loopback: what a keep-alive request costs, counted: heap allocations and system calls of the
// worker (issues 2 and 5, "Speed").
//
//     loopback [--json] [--check] [--requests N]
//
// Counts are exact and the same on any machine, so they are targets: exit code 1 when one is
// missed, 2 when the counting itself failed. Times are for orientation. --check counts fewer
// requests (for tests, where time is dear).
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "bench/loopback/measure.h"
#include "bench/loopback/report.h"
#include "conf/limits.h"

namespace sluice::bench {
namespace {

constexpr size_t kFewest = 1000;

struct Options {
  bool json = false;
  size_t requests = 20'000;
};

// A temporary folder that is gone when the program ends.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-loopback-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

// Octets without a short period, so that a response that is shifted or mixed does not compare
// equal.
std::string pattern(size_t size, uint32_t seed) {
  std::string octets(size, '\0');
  for (char& octet : octets) {
    seed = seed * 1664525u + 1013904223u;
    octet = static_cast<char>(seed >> 24);
  }
  return octets;
}

bool write_file(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  return static_cast<bool>(file.flush());
}

// A little more than 1 GiB: it must not be hashed in the background while its parts are measured.
bool write_huge_file(const std::string& path, const std::string& part) {
  {
    std::ofstream file(path, std::ios::binary);
    file.seekp(static_cast<std::streamoff>(kPartBegin));
    file << part;
    if (!file.flush()) return false;
  }
  std::error_code error;
  std::filesystem::resize_file(path, conf::Limits().etag_hash_max + 1, error);
  return !error;
}

// A file is held, and its descriptor trusted, once its times are older than file_settle (SECURITY
// section 4).
void let_files_settle() {
  std::this_thread::sleep_for(conf::Limits().file_settle + std::chrono::milliseconds(200));
}

bool read_number(std::string_view text, size_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= kFewest;
}

bool read_options(int count, char** arguments, Options& options) {
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--json") {
      options.json = true;
    } else if (argument == "--check") {
      options.requests = 2000;
    } else if (argument != "--requests" || ++i == count ||
               !read_number(arguments[i], options.requests)) {
      return false;
    }
  }
  return true;
}

int exit_code(const std::vector<Workload>& all, const std::vector<Figures>& figures) {
  bool missed = false;
  for (size_t i = 0; i < all.size(); ++i) {
    const Verdict verdict = judge(all[i], figures[i]);
    if (!verdict.doubts.empty()) return 2;
    missed = missed || !verdict.misses.empty();
  }
  return missed ? 1 : 0;
}

int run(const Options& options) {
  const TemporaryFolder folder;
  const std::string held = pattern(1024, 1);
  const std::string large = pattern(64 * 1024, 2);
  const Place place{.folder = folder.path() + "/site", .log = folder.path() + "/access.log"};
  if (::mkdir(place.folder.c_str(), 0755) != 0 || !write_file(place.folder + "/1k.bin", held) ||
      !write_file(place.folder + "/64k.bin", large) ||
      !write_huge_file(place.folder + "/1g.bin", large)) {
    std::fprintf(stderr, "loopback: cannot write to %s\n", folder.path().c_str());
    return 2;
  }
  let_files_settle();
  const std::vector<Workload> all = workloads(held, large);
  std::vector<Figures> figures(all.size(), Figures{.requests = options.requests});
  // System calls first: a process must have no other thread when it forks.
  std::string error = measure_system_calls(place, all, figures);
  if (error.empty()) error = measure_in_process(place, all, figures);
  if (!error.empty()) {
    std::fprintf(stderr, "loopback: %s\n", error.c_str());
    return 2;
  }
  options.json ? print_json(all, figures) : print_table(all, figures);
  return exit_code(all, figures);
}

}  // namespace
}  // namespace sluice::bench

int main(int count, char** arguments) {
  sluice::bench::Options options;
  if (!sluice::bench::read_options(count, arguments, options)) {
    std::fprintf(stderr, "usage: loopback [--json] [--check] [--requests N], N at least %zu\n",
                 sluice::bench::kFewest);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);  // as the server does: a peer that went away is a return value
  return sluice::bench::run(options);
}
