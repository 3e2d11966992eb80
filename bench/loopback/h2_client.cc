// Its windows hold a whole batch, so that nothing but requests is sent while responses come: the
// server's turns are the same each time.
#include "bench/loopback/h2_client.h"

#include <chrono>
#include <string_view>
#include <utility>

#include "conf/limits.h"
#include "server/http/listener_settings.h"

namespace sluice::bench {
namespace {

constexpr uint32_t kStreamWindow = 1 << 20;       // a response
constexpr uint32_t kConnectionWindow = 64 << 20;  // far more than a batch of them

h2::Limits client_limits() {
  h2::Limits limits = http::h2_limits(conf::Limits());
  limits.stream_window = limits.stream_window_most = kStreamWindow;
  limits.connection_window = kConnectionWindow;
  return limits;
}

// "Name: value\r\n" lines as a list that points into them.
void add_fields(std::string_view lines, FieldList& fields) {
  while (!lines.empty()) {
    const size_t colon = lines.find(": ");
    const size_t end = lines.find("\r\n");
    fields.add(lines.substr(0, colon), lines.substr(colon + 2, end - colon - 2));
    lines.remove_prefix(end + 2);
  }
}

}  // namespace

// --- One response --------------------------------------------------------------------------------

void H2Client::Response::expect(const Workload& workload) {
  workload_ = &workload;
  error_.clear();
  received_ = 0;
  answered_ = false;
}

void H2Client::Response::complain(std::string what) {
  if (error_.empty()) error_ = std::move(what);
}

void H2Client::Response::on_response_head(ResponseHead& head, bool) {
  const std::string status = std::to_string(head.status) + " ";
  if (answered_ || !workload_->status.starts_with(status)) {
    return complain("not the answer that was expected: " + status);
  }
  answered_ = true;
  if (workload_->status == Workload::kNotModified) return;
  const Field* const length = head.fields.find("content-length");
  if (length == nullptr || length->value != std::to_string(workload_->content.size())) {
    complain("no content-length, or not the file's");
  }
}

void H2Client::Response::on_body(Slice octets) {
  const std::string& content = workload_->content;
  const std::string_view rest =
      workload_->has_content() ? std::string_view(content).substr(received_) : std::string_view();
  if (!rest.starts_with(octets.view())) {
    return complain("the content of " + workload_->path + " is not what the file holds");
  }
  received_ += octets.size();
}

void H2Client::Response::on_trailers(const FieldList&) { complain("trailers, of a file"); }

void H2Client::Response::on_end() {
  const size_t whole = workload_->has_content() ? workload_->content.size() : 0;
  if (!answered_ || received_ != whole) complain("a response is not whole");
}

void H2Client::Response::on_reset(const ProtocolError& error) {
  complain("a response was reset: " + std::string(error.cause));
}

// --- The connection ------------------------------------------------------------------------------

H2Client::H2Client()
    : limits_(client_limits()),
      workspace_(pool_),
      codec_({.role = h2::Role::client}, limits_, workspace_, *this) {}

std::string H2Client::connect(uint16_t port) { return connection_.connect(port); }

std::string H2Client::run(const Workload& workload, size_t requests) {
  responses_.resize(workload.pipeline);
  for (size_t done = 0; done < requests; done += workload.pipeline) {
    if (std::string error = send_batch(workload); !error.empty()) return error;
    if (std::string error = take_batch(); !error.empty()) return error;
  }
  return connection_.expect_silence();
}

std::string H2Client::send_batch(const Workload& workload) {
  RequestHead head;
  head.method = workload.head_request ? Method::head : Method::get;
  head.method_text = workload.head_request ? "HEAD" : "GET";
  head.scheme = "http";
  head.authority = "127.0.0.1:8080";
  head.target = head.path = workload.path;
  head.fields.add("user-agent", "loopback");
  add_fields(workload.fields, head.fields);
  for (Response& response : responses_) {
    response.expect(workload);
    if (codec_.submit_request(head, {}, nullptr, response) == 0) return "no stream is to be had";
    ++in_flight_;
  }
  return send_what_waits();
}

std::string H2Client::send_what_waits() {
  Chain out;
  if (!codec_.produce(out, UINT64_MAX, std::chrono::steady_clock::now())) {
    return "nghttp2 failed to frame";
  }
  const std::string octets = out.to_string();  // one write, so that they come together
  return connection_.send(octets);
}

std::string H2Client::take_batch() {
  while (in_flight_ > 0) {
    const Ref<Block> block = pool_.acquire();
    size_t count = 0;
    std::string error = connection_.receive({block->data(), block->capacity()}, count);
    if (!error.empty()) return error;
    const Slice octets(Ref<Owner>(block.get()), block->data(), count);
    if (!codec_.feed(octets, std::chrono::steady_clock::now())) {
      return "the connection failed: " + std::string(codec_.error().cause);
    }
    if (!error_.empty()) return error_;
  }
  codec_.consume_connection(std::exchange(taken_, 0));
  return {};
}

void H2Client::on_stream_closed(h2::StreamId, CodecSink& sink, h2::ErrorCode code, bool) {
  --in_flight_;
  const auto& response = static_cast<const Response&>(sink);
  taken_ += response.received();
  if (!error_.empty()) return;
  error_ = response.error();
  if (error_.empty() && code != h2::ErrorCode::no_error) {
    error_ = "a stream ended with error " + std::to_string(static_cast<uint32_t>(code));
  }
}

void H2Client::on_goaway(h2::StreamId, h2::ErrorCode code) {
  error_ = "the server said GOAWAY, error " + std::to_string(static_cast<uint32_t>(code));
}

}  // namespace sluice::bench
