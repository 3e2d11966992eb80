// What a proxy does to the heads that it passes on, per message, and how often it allocates for it:
// once for a request, never for a response without redirect or cookie. What adapting a response
// takes includes filling its list again, since it is changed in place: BM_FillResponse is that
// alone.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <new>
#include <string_view>

#include "conf/configuration.h"
#include "server/handler/proxy/forwarding.h"

namespace {

thread_local uint64_t allocations = 0;

}  // namespace

// Every other form that the code uses calls one of these. Inlined, they would look to the compiler
// like a free() of what new gave.
[[gnu::noinline]] void* operator new(size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size != 0 ? size : 1); memory != nullptr) return memory;
  std::abort();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace sluice::handler::proxy {
namespace {

// Counts what an iteration allocates, the first ones apart, which fill lists that stay.
class AllocationCount {
 public:
  explicit AllocationCount(benchmark::State& state) : state_(state), before_(allocations) {}
  ~AllocationCount() {
    state_.counters["allocations"] = benchmark::Counter(static_cast<double>(allocations - before_),
                                                        benchmark::Counter::kAvgIterations);
  }

 private:
  benchmark::State& state_;
  uint64_t before_;
};

conf::ProxyAction action(std::string_view strip, std::string_view base) {
  conf::ProxyAction made;
  made.target.host = "10.0.0.9";
  made.target.port = 3000;
  made.strip = strip;
  made.base = base;
  return made;
}

RequestHead small_request() {
  RequestHead head;
  head.method = Method::get;
  head.method_text = "GET";
  head.target = head.path = "/1k.html";
  head.authority = "localhost:8080";
  head.protocol = "HTTP/1.1";
  head.fields.add("Accept", "*/*");
  return head;
}

RequestHead browser_request() {
  RequestHead head = small_request();
  head.target = "/api/pages/index.html?utm_source=newsletter&page=2";
  head.path = head.target.substr(0, 21);
  head.query = head.target.substr(22);
  head.has_query = true;
  head.authority = "www.example.com";
  head.fields.clear();
  head.fields.add("Cache-Control", "max-age=0");
  head.fields.add("sec-ch-ua", R"("Chromium";v="120", "Not?A_Brand";v="8")");
  head.fields.add("sec-ch-ua-mobile", "?0");
  head.fields.add("sec-ch-ua-platform", "\"Linux\"");
  head.fields.add("Upgrade-Insecure-Requests", "1");
  head.fields.add("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0.0.0 Safari/537.36");
  head.fields.add("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");
  head.fields.add("Sec-Fetch-Site", "none");
  head.fields.add("Sec-Fetch-Mode", "navigate");
  head.fields.add("Sec-Fetch-Dest", "document");
  head.fields.add("Accept-Encoding", "gzip, deflate, br");
  head.fields.add("Accept-Language", "en-US,en;q=0.9");
  return head;
}

ClientFacts client(bool trusted) {
  return {.address = "192.0.2.1",
          .port = 5555,
          .listener_port = 8080,
          .secure = false,
          .trusted = trusted,
          .request_id = "0123456789abcdef0123456789abcdef"};
}

void make_requests(benchmark::State& state, const RequestHead& in, const ClientFacts& facts,
                   const conf::ProxyAction& route) {
  const Forwarding forwarding(route);
  RequestHead out;
  benchmark::DoNotOptimize(forwarding.make_request(in, facts, out));
  const AllocationCount count(state);
  for (auto _ : state) {
    benchmark::DoNotOptimize(forwarding.make_request(in, facts, out));
    benchmark::ClobberMemory();
  }
}

void BM_ForwardSmallRequest(benchmark::State& state) {
  make_requests(state, small_request(), client(false), action("", ""));
}
BENCHMARK(BM_ForwardSmallRequest);

void BM_ForwardBrowserRequest(benchmark::State& state) {
  make_requests(state, browser_request(), client(false), action("", ""));
}
BENCHMARK(BM_ForwardBrowserRequest);

void BM_ForwardUnderAPrefix(benchmark::State& state) {
  make_requests(state, browser_request(), client(false), action("/api", "/v1"));
}
BENCHMARK(BM_ForwardUnderAPrefix);

void BM_ForwardFromATrustedProxy(benchmark::State& state) {
  RequestHead head = browser_request();
  head.fields.add("X-Forwarded-For", "203.0.113.5, 203.0.113.6");
  head.fields.add("X-Forwarded-Proto", "https");
  head.fields.add("X-Forwarded-Host", "www.example.com");
  head.fields.add("X-Real-IP", "203.0.113.5");
  make_requests(state, head, client(true), action("", ""));
}
BENCHMARK(BM_ForwardFromATrustedProxy);

void fill(ResponseHead& head) {
  head.clear();
  head.fields.add("Date", "Thu, 01 Jan 1970 00:00:00 GMT", FieldId::date);
  head.fields.add("Content-Type", "text/html; charset=utf-8", FieldId::content_type);
  head.fields.add("ETag", "\"0123456789abcdef\"", FieldId::other);
  head.fields.add("Cache-Control", "no-cache", FieldId::cache_control);
  head.fields.add("X-Powered-By", "Express", FieldId::other);
}

void BM_FillResponse(benchmark::State& state) {
  ResponseHead head;
  for (auto _ : state) {
    fill(head);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_FillResponse);

// `location`: empty for a response without.
void adapt_responses(benchmark::State& state, std::string_view location) {
  const conf::ProxyAction route = action("/api", "/v1");
  const Forwarding forwarding(route);
  const RequestHead in = browser_request();
  RequestHead sent;
  benchmark::DoNotOptimize(forwarding.make_request(in, client(false), sent));
  ResponseHead head;
  const auto adapt = [&] {
    fill(head);
    if (!location.empty()) head.fields.add("Location", location, FieldId::location);
    forwarding.adapt_response(in, sent, true, head);
    benchmark::ClobberMemory();
  };
  for (int warming = 0; warming < 2; ++warming) adapt();
  const AllocationCount count(state);
  for (auto _ : state) adapt();
}

void BM_AdaptResponse(benchmark::State& state) { adapt_responses(state, ""); }
BENCHMARK(BM_AdaptResponse);

void BM_AdaptRedirect(benchmark::State& state) {
  adapt_responses(state, "http://10.0.0.9:3000/v1/login?next=%2F");
}
BENCHMARK(BM_AdaptRedirect);

}  // namespace
}  // namespace sluice::handler::proxy
