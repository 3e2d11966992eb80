// Making, reading and changing ticket keys.
#include "tls/ticket_keys.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

namespace sluice::tls {

namespace {

constexpr size_t kNameOctets = 16;
constexpr size_t kLongFile = kNameOctets + 2 * 32;
constexpr size_t kShortFile = kNameOctets + 2 * 16;

bool fill_randomly(TicketKey& key) {
  return RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) == 1 &&
         RAND_priv_bytes(key.mac.data(), static_cast<int>(key.mac.size())) == 1 &&
         RAND_priv_bytes(key.cipher.data(), static_cast<int>(key.cipher.size())) == 1;
}

// Returns what is wrong, or an empty string.
std::string read_key(const std::string& path, TicketKey& key) {
  std::array<char, kLongFile + 1> octets{};
  std::ifstream file(path, std::ios::binary);
  if (!file) return path + ": cannot be read: " + std::strerror(errno);
  file.read(octets.data(), octets.size());
  const auto size = static_cast<size_t>(file.gcount());
  if (size != kLongFile && size != kShortFile) {
    OPENSSL_cleanse(octets.data(), octets.size());
    return path + ": a file of ticket keys has 80 octets (or 48), this one has " +
           (size > kLongFile ? "more" : std::to_string(size)) +
           "; make one with: openssl rand -out " + path + " 80";
  }
  key.secret_octets = (size - kNameOctets) / 2;
  std::memcpy(key.name.data(), octets.data(), kNameOctets);
  const char* const first = octets.data() + kNameOctets;
  const char* const second = first + key.secret_octets;
  // nginx has the two secrets the other way round in its short files.
  const bool is_short = size == kShortFile;
  std::memcpy(key.mac.data(), is_short ? second : first, key.secret_octets);
  std::memcpy(key.cipher.data(), is_short ? first : second, key.secret_octets);
  OPENSSL_cleanse(octets.data(), octets.size());
  return {};
}

}  // namespace

TicketKey::~TicketKey() {
  OPENSSL_cleanse(mac.data(), mac.size());
  OPENSSL_cleanse(cipher.data(), cipher.size());
}

TicketKeys::TicketKeys(Ring ring) : ring_(std::make_shared<const Ring>(std::move(ring))) {
  assert(!ring_->empty());
}

std::shared_ptr<TicketKeys> TicketKeys::random() {
  Ring ring(1);
  return fill_randomly(ring.front()) ? std::make_shared<TicketKeys>(std::move(ring)) : nullptr;
}

std::shared_ptr<TicketKeys> TicketKeys::load(const std::vector<std::string>& paths,
                                             std::string& error) {
  Ring ring;
  ring.reserve(paths.size());
  for (const std::string& path : paths) {
    TicketKey key;
    error = read_key(path, key);
    if (!error.empty()) return nullptr;
    const auto known = std::find_if(ring.begin(), ring.end(),
                                    [&](const TicketKey& other) { return other.name == key.name; });
    if (known != ring.end()) {
      error = path + ": begins with the same name (16 octets) as another file of ticket keys";
      return nullptr;
    }
    ring.push_back(key);
  }
  return std::make_shared<TicketKeys>(std::move(ring));
}

void TicketKeys::rotate() {
  TicketKey fresh;
  if (!fill_randomly(fresh)) return;  // the present keys go on
  const std::lock_guard lock(mutex_);
  Ring ring{fresh};
  ring.insert(ring.end(), ring_->begin(), ring_->end());
  if (ring.size() > 1 + kPreviousKept) ring.resize(1 + kPreviousKept);
  ring_ = std::make_shared<const Ring>(std::move(ring));
}

std::shared_ptr<const TicketKeys::Ring> TicketKeys::ring() const {
  const std::lock_guard lock(mutex_);
  return ring_;
}

std::string TicketKeys::name() const {
  const std::shared_ptr<const Ring> ring = this->ring();
  return {reinterpret_cast<const char*>(ring->front().name.data()), ring->front().name.size()};
}

}  // namespace sluice::tls
