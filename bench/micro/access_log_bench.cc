// What the access log costs: a line's rendering, and the whole way with the writer's share of it.
//
// BM_WholeLog counts the CPU time of the process, so the writer thread's work is in it: the figure
// to hold against 15 % of a 1 KiB static request. The file is on /tmp and is removed; a dropped
// line would make the figure a lie, so it is reported.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>

#include "server/ops/access_log.h"
#include "server/ops/json_line.h"
#include "server/ops/text_line.h"

namespace sluice::ops {
namespace {

http::ExchangeRecord request_of_a_browser() {
  http::ExchangeRecord record;
  record.peer = "127.0.0.1";
  record.method = "GET";
  record.target = "/assets/site.css?v=20260131";
  record.authority = "localhost:8080";
  record.protocol = "HTTP/1.1";
  record.user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0";
  record.referer = "http://localhost:8080/index.html";
  record.status = 200;
  record.octets = 1024;
  record.duration = std::chrono::microseconds(42);
  record.wall_microseconds = 1'769'860'984'123'456;
  return record;
}

void BM_RenderJson(benchmark::State& state) {
  http::ExchangeRecord record = request_of_a_browser();
  CachedDate date(CachedDate::Form::rfc3339);
  char room[4096];
  for (auto _ : state) {
    benchmark::DoNotOptimize(render_json(room, record, date));
    record.wall_microseconds += 6;  // a new second now and then
  }
}
BENCHMARK(BM_RenderJson);

void BM_RenderText(benchmark::State& state) {
  http::ExchangeRecord record = request_of_a_browser();
  CachedDate date(CachedDate::Form::local_clock);
  char room[4096];
  for (auto _ : state) {
    benchmark::DoNotOptimize(render_text(room, record, date, true));
    record.wall_microseconds += 6;
  }
}
BENCHMARK(BM_RenderText);

// Rests 6 ms after each 1,000 records, which is the pace of a worker that answers a request in 6
// microseconds.
void BM_WholeLog(benchmark::State& state) {
  std::string path = "/tmp/sluice-access-log-bench-XXXXXX";
  ::close(::mkstemp(path.data()));
  std::unique_ptr<AccessLog> log;
  const std::string error = AccessLog::open({.destination = path}, log);
  ::unlink(path.c_str());
  if (!error.empty()) return state.SkipWithError(error.c_str());
  WorkerLog* mine = log->make_worker_log();
  http::ExchangeRecord record = request_of_a_browser();
  const timespec pause{0, 6'000'000};
  int since_pause = 0;
  for (auto _ : state) {
    mine->record(record);
    record.wall_microseconds += 6;
    if (++since_pause % 1000 == 0) ::nanosleep(&pause, nullptr);
  }
  log->close();
  state.counters["dropped"] = static_cast<double>(log->dropped());
}
BENCHMARK(BM_WholeLog)->MeasureProcessCPUTime()->Iterations(500'000);

}  // namespace
}  // namespace sluice::ops
