// What one exchange costs in protocol/h2 and nghttp2: a request's field block read, its response
// framed with its content, the stream gone. The bench beside it (protocol_bench.cc) has HTTP/1's.
//
// Requests are those of a connection that is not new: their fields stand in the table of the
// decoder (RFC 7541 section 2.3.2). One frame of the client's is sent again and again with the next
// stream's number in it.
#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conf/limits.h"
#include "protocol/h2/codec.h"
#include "server/http/listener_settings.h"

namespace sluice {
namespace {

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

const Fields kNoFields;
const Fields kBrowserFields = {
    {"cache-control", "max-age=0"},
    {"sec-ch-ua", "\"Chromium\";v=\"120\", \"Not?A_Brand\";v=\"8\""},
    {"sec-ch-ua-mobile", "?0"},
    {"sec-ch-ua-platform", "\"Linux\""},
    {"upgrade-insecure-requests", "1"},
    {"user-agent",
     "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
     "Safari/537.36"},
    {"accept",
     "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"},
    {"sec-fetch-site", "none"},
    {"sec-fetch-mode", "navigate"},
    {"sec-fetch-dest", "document"},
    {"accept-encoding", "gzip, deflate, br"},
    {"accept-language", "en-US,en;q=0.9"}};

constexpr size_t kStreamAt = 5;  // where the stream's identifier stands in it
constexpr uint32_t kWindow = 0x7fffffff;
constexpr size_t kContent = 1024;

h2::Limits client_limits() {
  h2::Limits limits = http::h2_limits(conf::Limits());
  limits.stream_window = limits.stream_window_most = limits.connection_window = kWindow;
  return limits;
}

// Asks twice, and is gone. Its second request is all references to the table.
class Client final : public h2::CodecEvents, public ClientSink {
 public:
  explicit Client(const Fields& fields)
      : limits_(client_limits()),
        workspace_(pool_),
        codec_({.role = h2::Role::client}, limits_, workspace_, *this) {
    opening = request(fields);
    repeated = request(fields);
  }
  std::string opening;   // preface, SETTINGS, and the first request
  std::string repeated;  // one frame

  ServerSink* on_stream(h2::StreamId) override { return nullptr; }
  void on_stream_closed(h2::StreamId, CodecSink&, h2::ErrorCode, bool) override {}
  void on_response_head(ResponseHead&, bool) override {}
  void on_body(Slice) override {}
  void on_trailers(const FieldList&) override {}
  void on_end() override {}
  void on_reset(const ProtocolError&) override {}

 private:
  std::string request(const Fields& fields) {
    RequestHead head;
    head.method = Method::get;
    head.method_text = "GET";
    head.scheme = "http";
    head.authority = "www.example.com";
    head.target = head.path = "/assets/pages/index.html";
    for (const auto& [name, value] : fields) head.fields.add(name, value);
    Chain out;
    if (codec_.submit_request(head, {}, nullptr, *this) == 0) std::abort();
    if (!codec_.produce(out, UINT64_MAX, {})) std::abort();
    return out.to_string();
  }

  BlockPool pool_;
  h2::Limits limits_;
  h2::Workspace workspace_;
  h2::Codec codec_;
};

class Content final : public BodySource {
 public:
  explicit Content(Slice octets) : octets_(std::move(octets)) {}
  Pull pull(Chain& out, size_t) override {
    out.append(octets_);
    return Pull::end;
  }

 private:
  Slice octets_;
};

// A connection's codec whose every request is answered alike. A response without content is a 304.
class Server final : public h2::CodecEvents, public ServerSink {
 public:
  Server(const Client& client, h2::Workspace& workspace, bool with_content)
      : limits_(http::h2_limits(conf::Limits())),
        codec_({}, limits_, workspace, *this),
        content_(copy_of(std::string(kContent, 'x'))),
        with_content_(with_content) {
    prepared_.fields.add("content-type", "text/html; charset=utf-8");
    prepared_.fields.add("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT");
    prepared_.fields.add("etag", "\"0123456789abcdef\"");
    prepared_.fields.add("accept-ranges", "bytes");
    common_.add("date", "Thu, 01 Jan 1970 00:00:00 GMT");
    common_.add("server", "sluice");
    head_.status = with_content ? 200 : 304;
    head_.prepared = &prepared_;
    turn(copy_of(client.opening));
  }

  // Reads `octets` and answers every request in them.
  void turn(const Slice& octets) {
    if (!codec_.feed(octets, {})) std::abort();
    const h2::Codec::ResponseFraming framing{
        .length = with_content_ ? std::optional<uint64_t>(kContent) : std::nullopt,
        .common = &common_};
    for (const h2::StreamId id : asked_) {
      codec_.submit_response(id, head_, framing, with_content_ ? &content_ : nullptr);
    }
    asked_.clear();
    if (!codec_.produce(out_, UINT64_MAX, {})) std::abort();
    benchmark::DoNotOptimize(out_.size());
    out_.clear();
  }
  uint64_t answered() const noexcept { return answered_; }

  ServerSink* on_stream(h2::StreamId id) override {
    asked_.push_back(id);
    return this;
  }
  void on_stream_closed(h2::StreamId, CodecSink&, h2::ErrorCode code, bool) override {
    if (code != h2::ErrorCode::no_error) std::abort();
    ++answered_;
  }
  void on_request_head(RequestHead& head) override { benchmark::DoNotOptimize(head.path); }
  void on_body(Slice) override {}
  void on_trailers(const FieldList&) override {}
  void on_end() override {}
  void on_reset(const ProtocolError&) override { std::abort(); }

 private:
  h2::Limits limits_;
  h2::Codec codec_;
  Content content_;
  bool with_content_;
  PreparedFields prepared_;
  FieldList common_;
  ResponseHead head_;
  std::vector<h2::StreamId> asked_;
  Chain out_;
  uint64_t answered_ = 0;
};

// A client's frames of one batch, each for the stream after the one before it.
class Batch {
 public:
  Batch(const std::string& frame, size_t count) : frame_(frame.size()) {
    std::string all;
    for (size_t i = 0; i < count; ++i) all += frame;
    octets_ = copy_of(all);
  }
  const Slice& octets() const noexcept { return octets_; }
  void number(h2::StreamId& next) {
    // Nobody else has them: the requests have no content that would pin them.
    char* const all = const_cast<char*>(octets_.data());
    for (size_t at = kStreamAt; at < octets_.size(); at += frame_, next += 2) {
      const auto id = static_cast<uint32_t>(next);
      for (size_t i = 0; i < 4; ++i) all[at + i] = static_cast<char>(id >> (24 - 8 * i));
    }
  }

 private:
  size_t frame_;
  Slice octets_;
};

void exchange(benchmark::State& state, const Fields& fields, bool with_content) {
  // Far from the connection's window, which nobody opens again, and from the last stream.
  static constexpr h2::StreamId kLast = 2'000'000;
  const Client client(fields);
  BlockPool pool;
  h2::Workspace workspace(pool);
  const auto streams = static_cast<size_t>(state.range(0));
  Batch batch(client.repeated, streams);
  auto server = std::make_unique<Server>(client, workspace, with_content);
  h2::StreamId next = 3;
  uint64_t answered = 0;
  for (auto _ : state) {
    if (next > kLast) {
      answered += server->answered() - 1;
      server = std::make_unique<Server>(client, workspace, with_content);
      next = 3;
    }
    batch.number(next);
    server->turn(batch.octets());
  }
  answered += server->answered() - 1;  // the first of each connection is not of a batch
  if (answered != static_cast<uint64_t>(state.iterations()) * streams) {
    state.SkipWithError("not every request was answered whole");
  }
  state.SetItemsProcessed(static_cast<int64_t>(answered));
}

void BM_H2SmallRequest(benchmark::State& state) { exchange(state, kNoFields, true); }
BENCHMARK(BM_H2SmallRequest)->ArgName("streams")->Arg(1)->Arg(32);

void BM_H2BrowserRequest(benchmark::State& state) { exchange(state, kBrowserFields, true); }
BENCHMARK(BM_H2BrowserRequest)->ArgName("streams")->Arg(1)->Arg(32);

void BM_H2NotModified(benchmark::State& state) { exchange(state, kBrowserFields, false); }
BENCHMARK(BM_H2NotModified)->ArgName("streams")->Arg(1)->Arg(32);

}  // namespace
}  // namespace sluice
