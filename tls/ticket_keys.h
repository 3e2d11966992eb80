// The keys that session tickets are encrypted with (RFC 5077 section 4, RFC 8446 section 4.6.1):
// one set for all workers, so that a client may resume on any of them, and changed often enough
// that a stolen one opens little.
//
// A ticket names its key. The first key of a ring encrypts; all of them decrypt.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::tls {

// Erases itself.
struct TicketKey {
  TicketKey() = default;
  TicketKey(const TicketKey&) = default;
  TicketKey& operator=(const TicketKey&) = default;
  ~TicketKey();

  std::array<uint8_t, 16> name{};
  std::array<uint8_t, 32> mac{};     // HMAC-SHA-256
  std::array<uint8_t, 32> cipher{};  // AES-256-CBC; of a short key AES-128-CBC, the first half
  size_t secret_octets = 32;         // of each of the two; 16 in a file of 48 octets
};

// Any thread.
class TicketKeys {
 public:
  static constexpr size_t kPreviousKept = 2;
  using Ring = std::vector<TicketKey>;  // never empty

  // Keys of the process's own: one fresh key. Null when the system has no randomness to give.
  [[nodiscard]] static std::shared_ptr<TicketKeys> random();
  // Keys from files of 48 or 80 octets (name, then both secrets), as nginx has them, so that
  // several machines share tickets. Null when one cannot be used; `error` says why and what to do.
  [[nodiscard]] static std::shared_ptr<TicketKeys> load(const std::vector<std::string>& paths,
                                                        std::string& error);
  explicit TicketKeys(Ring ring);

  // Puts a fresh key in front and keeps kPreviousKept of the old ones.
  void rotate();
  [[nodiscard]] std::shared_ptr<const Ring> ring() const;
  // Changes with the first key; holds nothing of the secrets.
  [[nodiscard]] std::string name() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Ring> ring_;  // guarded by mutex_
};

}  // namespace sluice::tls
