// What reading a configuration costs, by its number of sites: `sluice check` and a reload do just
// this. A thousand sites may take 300 ms, and twice as many twice that.
#include <benchmark/benchmark.h>

#include <string>

#include "conf/reader.h"

namespace sluice::conf {
namespace {

// One file, and every folder that it names.
class OneFile final : public FileSource {
 public:
  explicit OneFile(std::string text) : text_(std::move(text)) {}
  std::string read(const std::string&, std::string& text) override {
    text = text_;
    return {};
  }
  std::vector<std::string> glob(const std::string&) override { return {}; }
  Kind kind(const std::string&) override { return Kind::folder; }
  std::string absolute(const std::string& path) override { return path; }

 private:
  std::string text_;
};

std::string site(int number) {
  const std::string name = "s" + std::to_string(number);
  return "[[site]]\nhosts = [\"" + name + ".example.com\", \"*." + name +
         ".example.org\"]\nroot = \"/srv/" + name + R"("
clean_urls = true
limits = { body = "2MiB" }
fields.set = { X-Content-Type-Options = "nosniff" }
cache = [{ match = "/assets/**", max_age = "365d", immutable = true }, { match = "*.css", store = "no-cache" }]
[[site.route]]
path = "/old"
redirect = { to = "/new", status = 301 }
[[site.route]]
prefix = "/app/"
rewrite = "/index.html"
[[site.route]]
pattern = "/blog/*/*"
redirect = { to = "/articles/$2$query", status = 308 }
)";
}

void BM_ReadConfiguration(benchmark::State& state) {
  std::string text;
  for (int i = 0; i < state.range(0); ++i) text += site(i);
  OneFile files(std::move(text));
  for (auto _ : state) {
    const Reading reading = read_configuration("/srv/sluice.toml", process_environment, files);
    if (!reading.configuration || !reading.diagnostics.empty()) state.SkipWithError("not good");
  }
  state.SetComplexityN(state.range(0));
}
BENCHMARK(BM_ReadConfiguration)
    ->RangeMultiplier(10)
    ->Range(10, 10'000)
    ->Unit(benchmark::kMillisecond)
    ->Complexity(benchmark::oN);

}  // namespace
}  // namespace sluice::conf
