// Responses are found in the octets as they come; nothing of them is taken on trust.
#include "bench/loopback/h1_client.h"

#include <cstring>

namespace sluice::bench {
namespace {

constexpr size_t kBufferSize = 2 * 1024 * 1024;  // a pipeline of 64 KiB responses, at least

bool is_expected(std::string_view head, const Workload& workload) {
  const std::string status = "HTTP/1.1 " + std::string(workload.status) + "\r\n";
  if (!head.starts_with(status)) return false;
  if (workload.status == Workload::kNotModified) return true;
  const std::string length =
      "\r\nContent-Length: " + std::to_string(workload.content.size()) + "\r\n";
  return head.find(length) != std::string_view::npos;
}

}  // namespace

std::string H1Client::connect(uint16_t port) {
  buffer_.resize(kBufferSize);
  begin_ = end_ = 0;
  return connection_.connect(port);
}

std::string H1Client::run(const Workload& workload, size_t requests) {
  std::string batch;
  for (size_t i = 0; i < workload.pipeline; ++i) batch += workload.request();
  for (size_t done = 0; done < requests; done += workload.pipeline) {
    if (std::string error = connection_.send(batch); !error.empty()) return error;
    for (size_t i = 0; i < workload.pipeline; ++i) {
      if (std::string error = take_response(workload); !error.empty()) return error;
    }
  }
  return expect_silence();
}

std::string H1Client::receive_more() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    if (end_ == buffer_.size()) return "a response is larger than anything that was asked for";
  }
  size_t count = 0;
  std::string error = connection_.receive({buffer_.data() + end_, buffer_.size() - end_}, count);
  end_ += count;
  return error;
}

// Takes one response off the buffer, receiving as much as it needs.
std::string H1Client::take_response(const Workload& workload) {
  size_t head_size = std::string_view::npos;
  while ((head_size = received().find("\r\n\r\n")) == std::string_view::npos) {
    if (std::string error = receive_more(); !error.empty()) return error;
  }
  head_size += 4;
  const std::string_view head = received().substr(0, head_size);
  if (!is_expected(head, workload)) {
    return "not the answer that was expected: " + std::string(head);
  }
  begin_ += head_size;
  if (!workload.has_content()) return {};
  while (received().size() < workload.content.size()) {
    if (std::string error = receive_more(); !error.empty()) return error;
  }
  if (received().substr(0, workload.content.size()) != workload.content) {
    return "the content of " + workload.path + " is not what the file holds";
  }
  begin_ += workload.content.size();
  return {};
}

std::string H1Client::expect_silence() {
  if (begin_ != end_) return "the server sent more than it was asked for";
  return connection_.expect_silence();
}

}  // namespace sluice::bench
