// HTTP/2 frames by hand, for what no decent codec would send, and to look at what ours sends (RFC
// 9113 sections 4 and 6, RFC 7541 section 6.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::h2 {

// RFC 9113 section 6, RFC 9218 section 7.1.
enum FrameType : uint8_t {
  kData,
  kHeaders,
  kPriority,
  kRstStream,
  kSettings,
  kPushPromise,
  kPing,
  kGoaway,
  kWindowUpdate,
  kContinuation,
  kPriorityUpdate = 0x10,
};

enum FrameFlag : uint8_t {
  kNoFlags = 0,
  kEndStream = 1,
  kAcknowledges = 1,
  kEndHeaders = 4,
  kPadded = 8,
  kHasPriority = 0x20,
};

struct Frame {
  uint8_t type;
  uint8_t flags;
  int32_t stream;
  std::string payload;
};

inline std::string number(uint64_t value, size_t octets) {
  std::string text;
  for (size_t i = octets; i-- > 0;) text += static_cast<char>(value >> (8 * i) & 0xFFU);
  return text;
}

inline uint32_t number_at(std::string_view octets, size_t at, size_t size = 4) {
  uint32_t value = 0;
  for (size_t i = 0; i < size; ++i) value = value << 8U | static_cast<uint8_t>(octets[at + i]);
  return value;
}

inline std::string frame(uint8_t type, int flags, int32_t stream, std::string_view payload = {}) {
  return number(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) +
         number(static_cast<uint32_t>(stream), 4) + std::string(payload);
}

// Whole frames of `octets`; what is cut at its end is left out.
inline std::vector<Frame> frames_of(std::string_view octets) {
  constexpr size_t kHeader = 9;
  std::vector<Frame> frames;
  while (octets.size() >= kHeader) {
    const size_t size = number_at(octets, 0, 3);
    if (octets.size() < kHeader + size) break;
    frames.push_back({static_cast<uint8_t>(octets[3]), static_cast<uint8_t>(octets[4]),
                      static_cast<int32_t>(number_at(octets, 5)),
                      std::string(octets.substr(kHeader, size))});
    octets.remove_prefix(kHeader + size);
  }
  return frames;
}

using Line = std::pair<std::string_view, std::string_view>;

// Literals that are not indexed, without Huffman: an octet is an octet.
inline std::string block_of(std::initializer_list<Line> lines) {
  const auto text = [](std::string_view octets) {
    std::string coded;
    if (octets.size() < 127) return std::string(1, static_cast<char>(octets.size())).append(octets);
    coded += '\x7F';
    size_t rest = octets.size() - 127;
    for (; rest >= 128; rest /= 128) coded += static_cast<char>(rest % 128 + 128);
    coded += static_cast<char>(rest);
    return coded.append(octets);
  };
  std::string block;
  for (const auto& [name, value] : lines) {
    block += '\0';
    block += text(name) + text(value);
  }
  return block;
}

inline std::string headers(int32_t stream, std::initializer_list<Line> lines,
                           int flags = kEndHeaders | kEndStream) {
  return frame(kHeaders, flags, stream, block_of(lines));
}

// A decent request without content.
inline std::string get(int32_t stream, int flags = kEndHeaders | kEndStream) {
  return headers(stream,
                 {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}},
                 flags);
}

inline std::string post(int32_t stream, int flags = kEndHeaders) {
  return headers(stream,
                 {{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}},
                 flags);
}

inline std::string setting(uint16_t id, uint32_t value) { return number(id, 2) + number(value, 4); }

}  // namespace sluice::h2
