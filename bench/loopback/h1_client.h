// The client's side of RFC 9112, as much as this server's answers to GET and HEAD of a file need.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/loopback/client.h"
#include "bench/loopback/connection.h"

namespace sluice::bench {

class H1Client final : public Client {
 public:
  [[nodiscard]] std::string connect(uint16_t port) override;
  [[nodiscard]] std::string run(const Workload& workload, size_t requests) override;

 private:
  [[nodiscard]] std::string take_response(const Workload& workload);
  [[nodiscard]] std::string receive_more();
  [[nodiscard]] std::string expect_silence();
  std::string_view received() const noexcept { return {buffer_.data() + begin_, end_ - begin_}; }

  Connection connection_;
  std::vector<char> buffer_;
  size_t begin_ = 0;  // [begin, end) of the buffer: received and not yet taken
  size_t end_ = 0;
};

}  // namespace sluice::bench
