// The PROXY protocol: the input is the beginning of a connection. However it is cut, it is read the
// same; kProxyHeaderMost octets always decide; what was read can be written and read again.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/proxy_protocol.h"
#include "tests/fuzz/feeding.h"

namespace sluice {
namespace {

using fuzz::require;
using Status = ProxyReading::Status;

bool same(const ProxyReading& left, const ProxyReading& right) {
  return left.status == right.status && left.cause == right.cause && left.size == right.size &&
         left.header == right.header;
}

// Once decided it stays so, whatever follows.
void check_cuts(std::string_view octets, const ProxyReading& whole) {
  for (size_t size = 0; size < octets.size() && size < kProxyHeaderMost + 8; ++size) {
    const ProxyReading now = read_proxy_header(octets.substr(0, size));
    if (now.status == Status::incomplete) {
      require(size < kProxyHeaderMost, "undecided", octets);
      require(whole.status != Status::complete || size < whole.size, "late", octets);
    } else {
      require(same(now, whole), "the reading depends on the cut", octets);
    }
  }
}

void check_writing(const ProxyHeader& header) {
  std::array<char, kProxyV1Most> line{};
  std::array<char, kProxyV2Written> block{};
  const std::string_view v1(line.data(), write_proxy_v1(header, line));
  const std::string_view v2(block.data(), write_proxy_v2(header, block));
  for (const std::string_view written : {v1, v2}) {
    const ProxyReading again = read_proxy_header(written);
    require(again.status == Status::complete && again.size == written.size(), "ours is refused",
            written);
    const bool said = header.names_peer() && header.family != ProxyHeader::Family::unix_socket;
    require(said ? again.header == header : !again.header.names_peer(), "ours says another peer",
            written);
  }
}

void check(std::string_view octets) {
  const ProxyReading whole = read_proxy_header(octets);
  require((whole.status == Status::malformed) != whole.cause.empty(), "a cause without a flaw");
  check_cuts(octets, whole);
  if (whole.status != Status::complete) return;
  require(whole.size >= 15 && whole.size <= octets.size() && whole.size <= kProxyHeaderMost,
          "an impossible size");
  check_writing(whole.header);
}

}  // namespace
}  // namespace sluice

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sluice::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
