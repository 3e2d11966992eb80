// The trace of a handshake: the input's first octet is the role, then comes, for each call of
// OpenSSL's message callback, an octet of what it is (bit 0: sent; bits 1 and 2: record header,
// alert, handshake message, anything else), its size in two octets, and its octets. Whatever they
// are, the trace is bounded, and its text stays in its lanes and does nothing to a terminal.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "server/ops/handshake_lanes.h"
#include "server/ops/printable.h"
#include "tests/fuzz/feeding.h"
#include "tls/handshake_trace.h"
#include "tls/octet_reader.h"

namespace sluice {
namespace {

using fuzz::require;
using tls::HandshakeTrace;

constexpr int kTypes[] = {256, 21, 22, 257};
constexpr size_t kColumns = 80;

HandshakeTrace trace_of(std::span<const uint8_t> input) {
  tls::OctetReader reader(input);
  HandshakeTrace trace((reader.u8() & 1U) == 0 ? tls::Role::client : tls::Role::server);
  std::chrono::microseconds at{0};
  while (reader.more()) {
    const uint8_t what = reader.u8();
    const tls::Octets octets = reader.vector16();
    trace.add((what & 1U) != 0, kTypes[what >> 1U & 3U], octets, at);
    at += at + std::chrono::microseconds(what);
    if (at > std::chrono::hours(1)) at = {};
  }
  return trace;
}

struct Bounds {
  void operator()(const tls::ClientHello& hello) const {
    require(hello.suites.size() <= tls::ClientHello::kMostCodePoints, "too many suites");
    require(hello.versions.size() <= tls::ClientHello::kMostCodePoints, "too many versions");
    require(hello.alpn.size() <= tls::ClientHello::kMostProtocols, "too many protocols");
    require(hello.server_name.size() <= 253, "too long a name");
    require(!hello.has_invalid_server_name || hello.server_name.empty(), "an invalid name kept");
  }
  void operator()(const tls::CertificateChain& chain) const {
    require(chain.entries.size() <= tls::CertificateChain::kMostCertificates, "too many");
    require(chain.entries.size() <= chain.total, "more than were sent");
  }
  void operator()(const tls::Finished& finished) const {
    require(finished.verify_data.size() <= 64, "too long a digest");
  }
  template <typename Other>
  void operator()(const Other&) const {}
};

void check_text(std::string_view text) {
  while (!text.empty()) {
    const size_t end = text.find('\n');
    require(end != std::string_view::npos, "a line without an end");
    const std::string_view line = text.substr(0, end);
    require(ops::columns_of(line) <= kColumns, "a line leaves its lane", line);
    require(std::none_of(line.begin(), line.end(),
                         [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }),
            "a control reaches the terminal", line);
    text.remove_prefix(end + 1);
  }
}

void check(std::span<const uint8_t> input) {
  const HandshakeTrace trace = trace_of(input);
  require(trace.messages().size() <= HandshakeTrace::kMostMessages, "too many messages");
  for (const tls::TracedMessage& message : trace.messages()) {
    require(!message.malformed || message.essentials.index() == 0, "malformed, but decoded");
    std::visit(Bounds(), message.essentials);
  }
  const tls::HandshakeSummary summary = trace.summary();
  require(summary.round_trips <= trace.messages().size(), "more round trips than messages");
  check_text(ops::lanes_text(trace, {.columns = kColumns}));
}

}  // namespace
}  // namespace sluice

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sluice::check({data, size});
  return 0;
}
