// The enemy below the connection: a transport that gives what a test scripted, in the pieces it
// scripted, and takes as little as it likes.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "server/net/transport.h"

namespace sluice::http {

// What the world sees of a scripted transport; outlives it.
struct Wire {
  // --- Set by the test ---
  struct Step {
    enum class Kind { octets, end, truncated, reset } kind = Kind::octets;
    std::string octets;
  };
  std::deque<Step> input;                // given by read, one step a call; would-block when empty
  uint64_t take_per_flush = UINT64_MAX;  // octets taken before the peer "does not take more"
  bool takes = true;                     // false: flush blocks
  bool fails = false;                    // flush fails
  bool told = true;  // false: the event of what lies in `input` is still to come
  // --- Seen by the test ---
  std::string output;
  int flushes = 0;
  bool shut_down = false;
  bool closed = false;
  bool reset_on_close = false;
};

class ScriptedTransport final : public net::Transport {
 public:
  explicit ScriptedTransport(Wire& wire) : wire_(wire) {}
  ~ScriptedTransport() override { wire_.closed = true; }

  void wake_instead(net::Task&) noexcept override {}  // a test wakes whom it means
  net::ReadResult read(std::span<char> room) override {
    if (wire_.input.empty()) return {net::Io::blocked, 0};
    Wire::Step& step = wire_.input.front();
    if (step.kind == Wire::Step::Kind::end) return {net::Io::end, 0};
    if (step.kind == Wire::Step::Kind::truncated) return {net::Io::truncated, 0};
    if (step.kind == Wire::Step::Kind::reset) return {net::Io::failed, 0};
    const size_t part = std::min(room.size(), step.octets.size());
    std::copy_n(step.octets.data(), part, room.data());
    step.octets.erase(0, part);
    if (step.octets.empty()) wire_.input.pop_front();
    return {net::Io::progress, part};
  }

  net::FlushResult flush(Chain& chain, uint64_t budget) override {
    ++wire_.flushes;
    if (wire_.fails) return {net::Io::failed, 0};
    if (!wire_.takes) return {net::Io::blocked, 0};
    uint64_t left = std::min(budget, wire_.take_per_flush);
    uint64_t taken = 0;
    while (!chain.empty() && left > 0) {
      const uint64_t part = take_front(chain, left);
      if (part == 0) return {net::Io::failed, taken, true};
      taken += part;
      left -= part;
    }
    return {chain.empty() ? net::Io::progress : net::Io::blocked, taken};
  }

  bool readable() const noexcept override { return wire_.told && !wire_.input.empty(); }
  bool writable() const noexcept override { return wire_.takes; }
  bool broken() const noexcept override {
    return !wire_.input.empty() && wire_.input.front().kind == Wire::Step::Kind::reset;
  }
  bool peer_closed() const noexcept override { return false; }
  uint64_t unsent() const noexcept override { return 0; }
  void shutdown_write() noexcept override { wire_.shut_down = true; }
  void reset_on_close() noexcept override { wire_.reset_on_close = true; }

 private:
  uint64_t take_front(Chain& chain, uint64_t left) {
    if (const FileRange* file = chain.front_file()) {
      std::string part(std::min(left, file->size), '\0');
      const ssize_t got =
          ::pread(file->descriptor, part.data(), part.size(), static_cast<off_t>(file->offset));
      if (got <= 0) return 0;
      wire_.output.append(part, 0, static_cast<size_t>(got));
      chain.drain(static_cast<uint64_t>(got));
      return static_cast<uint64_t>(got);
    }
    const std::string_view memory = chain.front_memory();
    const uint64_t part = std::min<uint64_t>(left, memory.size());
    wire_.output.append(memory.substr(0, part));
    chain.drain(part);
    return part;
  }

  Wire& wire_;
};

}  // namespace sluice::http
