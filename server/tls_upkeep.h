// What a server that speaks TLS does from time to time: it looks whether certificates were renewed,
// has their expiry said once a day, and changes the keys of its tickets.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "server/net/loop.h"
#include "server/ops/changed_files.h"
#include "tls/ticket_keys.h"

namespace sluice {

// Thread: the loop's, which outlives it.
class TlsUpkeep final : private net::Timer {
 public:
  // RFC 8446 section 4.6.1 lets a ticket live for a week; ours live as long as their keys: two to
  // three of these.
  static constexpr std::chrono::hours kKeysChange{12};
  static constexpr std::chrono::hours kReadAgain{24};
  static constexpr std::chrono::minutes kReadAgainAfterFailure{1};

  // `read_again` is called when files have changed, and once a day; and soon again while it returns
  // false.
  TlsUpkeep(net::Loop& loop, std::chrono::milliseconds check, std::function<bool()> read_again);
  ~TlsUpkeep();

  // Of listeners that have no files of keys; never null.
  const std::shared_ptr<tls::TicketKeys>& keys() const noexcept { return keys_; }
  // The files to look at from now on; without any there is nothing to do. They were looked at
  // before they were read: what changed since then is noticed.
  void follow(ops::ChangedFiles&& files);
  // What the timer does, every `check`.
  void look(net::Time now);

 private:
  void on_timer() override;

  net::Loop& loop_;
  const std::chrono::milliseconds check_;
  const std::function<bool()> read_again_;
  const std::shared_ptr<tls::TicketKeys> keys_;
  ops::ChangedFiles files_;
  net::Time keys_changed_;
  net::Time read_;
};

}  // namespace sluice
