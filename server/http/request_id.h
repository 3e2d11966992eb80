// A name for one exchange, by which its lines in different logs, and in those of the servers before
// and behind, are found.
//
// Made here from 128 random bits, or taken from X-Request-ID when a proxy that the configuration
// trusts sent it. Unguessable it is not meant to be: it is no secret.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::http {

// Thread: one worker's.
class RequestIds {
 public:
  static constexpr size_t kSize = 32;  // hexadecimal digits

  RequestIds();
  // Writes the next one.
  void make(std::span<char, kSize> out) noexcept;

 private:
  uint64_t next() noexcept;

  uint64_t state_ = 0;
};

// Whether a value may be taken over: 1 to 64 letters, digits, '.', '_' or '-', which look the same
// in every log and in every shell.
bool is_request_id(std::string_view text) noexcept;

}  // namespace sluice::http
