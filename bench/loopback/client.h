// A client that believes nothing: each response is compared with what the file holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/loopback/workload.h"
#include "server/net/descriptor.h"

namespace sluice::bench {

// One keep-alive connection with blocking calls. Errors are lines for people; empty: none.
class Client {
 public:
  [[nodiscard]] std::string connect(uint16_t port);
  // Sends at least `requests` requests, workload.pipeline in one write, and takes their responses
  // before the next write. The connection must stay open, with nothing on it that was not asked
  // for.
  [[nodiscard]] std::string run(const Workload& workload, size_t requests);

 private:
  [[nodiscard]] std::string send_all(std::string_view octets);
  [[nodiscard]] std::string take_response(const Workload& workload);
  [[nodiscard]] std::string receive_more();
  [[nodiscard]] std::string expect_silence();
  std::string_view received() const noexcept { return {buffer_.data() + begin_, end_ - begin_}; }

  net::Descriptor socket_;
  std::vector<char> buffer_;
  size_t begin_ = 0;  // [begin, end) of the buffer: received and not yet taken
  size_t end_ = 0;
};

}  // namespace sluice::bench
