// How TLS is spoken to one upstream: what is trusted, which name its certificate must be for, what
// is shown to it. Verification is on unless the configuration says otherwise (RFC 9110 section
// 4.3.4).
#pragma once

#include <memory>
#include <string>

#include "conf/configuration.h"

namespace sluice::tls {

// Immutable but for the sessions that it keeps for resumption, which have a lock of their own. Any
// thread; must outlive its sessions.
class UpstreamContext {
 public:
  struct State;

  // Reads the files that `target.tls` (required) names. Null when they cannot be used; `problem`
  // then says what is wrong with which file and what to do.
  [[nodiscard]] static std::shared_ptr<const UpstreamContext> make(
      const conf::UpstreamTarget& target, std::string& problem);
  explicit UpstreamContext(std::unique_ptr<State> state);
  ~UpstreamContext();
  UpstreamContext(const UpstreamContext&) = delete;
  UpstreamContext& operator=(const UpstreamContext&) = delete;

  State& state() const noexcept { return *state_; }

 private:
  std::unique_ptr<State> state_;
};

}  // namespace sluice::tls
