// The client's side of RFC 9112, as much as this server's answers to GET and HEAD of a file need.
#include "bench/loopback/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sluice::bench {
namespace {

constexpr size_t kBufferSize = 2 * 1024 * 1024;  // a pipeline of 64 KiB responses, at least

std::string said(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

bool is_expected(std::string_view head, const Workload& workload) {
  const std::string status = "HTTP/1.1 " + std::string(workload.status) + "\r\n";
  if (!head.starts_with(status)) return false;
  if (workload.status == Workload::kNotModified) return true;
  const std::string length =
      "\r\nContent-Length: " + std::to_string(workload.content.size()) + "\r\n";
  return head.find(length) != std::string_view::npos;
}

}  // namespace

std::string Client::connect(uint16_t port) {
  buffer_.resize(kBufferSize);
  begin_ = end_ = 0;
  socket_ = net::Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // A server that never answers ends the run, not the patience of whoever waits for it.
  const timeval patience{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return said("connect");
  }
  return {};
}

std::string Client::run(const Workload& workload, size_t requests) {
  std::string batch;
  for (size_t i = 0; i < workload.pipeline; ++i) batch += workload.request();
  for (size_t done = 0; done < requests; done += workload.pipeline) {
    if (std::string error = send_all(batch); !error.empty()) return error;
    for (size_t i = 0; i < workload.pipeline; ++i) {
      if (std::string error = take_response(workload); !error.empty()) return error;
    }
  }
  return expect_silence();
}

std::string Client::send_all(std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t sent = ::send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL);
    if (sent < 0) return said("send");
    octets.remove_prefix(static_cast<size_t>(sent));
  }
  return {};
}

std::string Client::receive_more() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (end_ == buffer_.size()) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    if (end_ == buffer_.size()) return "a response is larger than anything that was asked for";
  }
  const ssize_t count = ::recv(socket_.get(), buffer_.data() + end_, buffer_.size() - end_, 0);
  if (count < 0) return said("recv");
  if (count == 0) return "the server closed a connection that was to be kept";
  end_ += static_cast<size_t>(count);
  return {};
}

// Takes one response off the buffer, receiving as much as it needs.
std::string Client::take_response(const Workload& workload) {
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

std::string Client::expect_silence() {
  char octet = 0;
  if (begin_ == end_ && ::recv(socket_.get(), &octet, 1, MSG_DONTWAIT) < 0 &&
      (errno == EAGAIN || errno == EWOULDBLOCK)) {
    return {};
  }
  return "the server sent more than it was asked for, or closed the connection";
}

}  // namespace sluice::bench
