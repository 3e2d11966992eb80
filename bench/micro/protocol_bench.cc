// What one message costs in protocol/: heads read (by our pass and llhttp's together) and written,
// targets, chains. Inputs are what wrk and a desktop browser send.
#include <benchmark/benchmark.h>

#include <array>
#include <string>
#include <string_view>

#include "protocol/chain.h"
#include "protocol/h1/codec.h"
#include "protocol/http_date.h"
#include "protocol/target.h"

namespace sluice {
namespace {

constexpr h1::Limits kLimits{.start_line = 8192,
                             .field_line = 8192,
                             .head = 32768,
                             .fields = 100,
                             .trailer_fields = 32,
                             .trailers = 8192,
                             .chunk_line = 256,
                             .chunk_extensions = 16384,
                             .content_length = uint64_t{1} << 40};

constexpr std::string_view kSmallRequest =
    "GET /1k.html HTTP/1.1\r\nHost: localhost:8080\r\nAccept: */*\r\n\r\n";

constexpr std::string_view kBrowserRequest =
    "GET /assets/pages/index.html?utm_source=newsletter&page=2 HTTP/1.1\r\n"
    "Host: www.example.com\r\n"
    "Connection: keep-alive\r\n"
    "Cache-Control: max-age=0\r\n"
    "sec-ch-ua: \"Chromium\";v=\"120\", \"Not?A_Brand\";v=\"8\"\r\n"
    "sec-ch-ua-mobile: ?0\r\n"
    "sec-ch-ua-platform: \"Linux\"\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/120.0.0.0 Safari/537.36\r\n"
    "Accept: "
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Sec-Fetch-Site: none\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n"
    "\r\n";

class Sink final : public ServerSink {
 public:
  void on_request_head(RequestHead& head) override { benchmark::DoNotOptimize(head.path); }
  void on_body(Slice octets) override { benchmark::DoNotOptimize(octets.size()); }
  void on_trailers(const FieldList&) override {}
  void on_end() override { ++messages; }
  void on_reset(const ProtocolError&) override { std::abort(); }
  uint64_t messages = 0;
};

void read_messages(benchmark::State& state, const std::string& octets) {
  BlockPool pool;
  h1::Workspace workspace(pool);
  h1::Codec codec(h1::Role::server, kLimits, workspace);
  Sink sink;
  const Slice input = copy_of(octets);
  for (auto _ : state) {
    benchmark::DoNotOptimize(codec.feed(input, sink));
    codec.next_message();
  }
  state.SetBytesProcessed(static_cast<int64_t>(sink.messages * octets.size()));
}

void BM_ReadSmallRequest(benchmark::State& state) {
  read_messages(state, std::string(kSmallRequest));
}
BENCHMARK(BM_ReadSmallRequest);

void BM_ReadBrowserRequest(benchmark::State& state) {
  read_messages(state, std::string(kBrowserRequest));
}
BENCHMARK(BM_ReadBrowserRequest);

void BM_ReadChunkedPost(benchmark::State& state) {
  read_messages(state,
                "POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n" +
                    std::string(4096, 'x') + "\r\n0\r\n\r\n");
}
BENCHMARK(BM_ReadChunkedPost);

void BM_WriteResponseHead(benchmark::State& state) {
  BlockPool pool;
  h1::Workspace workspace(pool);
  h1::Codec codec(h1::Role::server, kLimits, workspace);
  PreparedFields prepared;
  prepared.h1 =
      "Content-Type: text/html; charset=utf-8\r\nLast-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
      "ETag: \"0123456789abcdef\"\r\nAccept-Ranges: bytes\r\n";
  ResponseHead head;
  head.prepared = &prepared;
  const h1::Codec::ResponseFraming framing{
      .length = 1024,
      .common_lines = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: sluice\r\n",
      .persist_lines = "Keep-Alive: timeout=70\r\n"};
  Chain out;
  for (auto _ : state) {
    codec.write_response_head(head, framing, out);
    benchmark::DoNotOptimize(out.size());
    out.clear();
  }
}
BENCHMARK(BM_WriteResponseHead);

void BM_ParseTarget(benchmark::State& state) {
  Target target;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        parse_target("/assets/pages/index.html?utm_source=newsletter", target));
    benchmark::DoNotOptimize(is_normalized(target.path));
  }
}
BENCHMARK(BM_ParseTarget);

void BM_NormalizePath(benchmark::State& state) {
  std::array<char, 256> out;
  for (auto _ : state) {
    benchmark::DoNotOptimize(normalize_path("/assets/%7Euser/../pages/./a%2fb/index.html", out));
  }
}
BENCHMARK(BM_NormalizePath);

void BM_HttpDate(benchmark::State& state) {
  std::array<char, kHttpDateSize> out;
  int64_t seconds = 1'769'860'984;
  for (auto _ : state) {
    write_http_date(++seconds, out);
    benchmark::DoNotOptimize(out);
  }
}
BENCHMARK(BM_HttpDate);

// A pipelined turn: 16 heads and bodies appended, described for one writev, and drained.
void BM_ChainTurn(benchmark::State& state) {
  BlockPool pool;
  const Slice body = copy_of(std::string(1024, 'x'));
  std::array<iovec, 64> entries;
  Chain chain;
  for (auto _ : state) {
    for (int message = 0; message < 16; ++message) {
      pool.reserve(200);
      chain.append(pool.commit(200));
      chain.append(body);
    }
    benchmark::DoNotOptimize(chain.to_iovec(entries, UINT64_MAX));
    chain.drain(chain.size());
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()) * 16);
}
BENCHMARK(BM_ChainTurn);

}  // namespace
}  // namespace sluice
