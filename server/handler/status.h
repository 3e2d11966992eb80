// Answers every request with one status: where no route matches, and hosts that no site names.
#pragma once

#include <string_view>

#include "server/http/exchange.h"
#include "server/http/handler.h"

namespace sluice::handler {

// Thread: its worker's.
class StatusHandler final : public http::Handler {
 public:
  // `cause`: for the log; static.
  StatusHandler(int status, std::string_view cause) : status_(status), cause_(cause) {}

  // `OPTIONS *` asks about the server as a whole, not about a path (RFC 9110 section 9.3.7).
  // CONNECT names no path either (section 9.3.6), so no route matches it: it is the method that is
  // wrong.
  void start(http::Exchange& exchange) override;

 private:
  const int status_;
  const std::string_view cause_;
};

}  // namespace sluice::handler
