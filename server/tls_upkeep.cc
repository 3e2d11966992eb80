// One timer for all of it.
#include "server/tls_upkeep.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

namespace sluice {

namespace {

// Without randomness there is no TLS either.
std::shared_ptr<tls::TicketKeys> fresh_keys() {
  std::shared_ptr<tls::TicketKeys> keys = tls::TicketKeys::random();
  if (keys) return keys;
  std::fprintf(stderr, "sluice: error: the system gives no random octets\n");
  std::abort();
}

}  // namespace

TlsUpkeep::TlsUpkeep(net::Loop& loop, std::chrono::milliseconds check,
                     std::function<bool()> read_again)
    : loop_(loop),
      check_(check),
      read_again_(std::move(read_again)),
      keys_(fresh_keys()),
      keys_changed_(loop.now()),
      read_(loop.now()) {}

TlsUpkeep::~TlsUpkeep() { loop_.timers().cancel(*this); }

void TlsUpkeep::follow(ops::ChangedFiles&& files) {
  files_ = std::move(files);
  if (files_.empty()) return loop_.timers().cancel(*this);
  read_ = loop_.now();
  loop_.timers().set(*this, loop_.now() + check_);
}

void TlsUpkeep::on_timer() {
  loop_.timers().set(*this, loop_.now() + check_);
  look(loop_.now());
}

void TlsUpkeep::look(net::Time now) {
  if (now - keys_changed_ >= kKeysChange) {
    keys_changed_ = now;
    keys_->rotate();
  }
  if (!files_.have_changed() && now - read_ < kReadAgain) return;
  // What kept them from being read may be gone then: descriptors or memory that were short.
  read_ = read_again_() ? now : now - kReadAgain + kReadAgainAfterFailure;
}

}  // namespace sluice
