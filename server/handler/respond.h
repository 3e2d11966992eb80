// Answers with what the configuration says: a status and a text.
#pragma once

#include <vector>

#include "cache/worker_index.h"
#include "conf/configuration.h"
#include "server/http/cache_rules.h"
#include "server/http/exchange.h"
#include "server/http/handler.h"
#include "server/net/loop.h"

namespace sluice::handler {

// Any method; a 200 to GET and HEAD with all that a file has: conditions, freshness by the route's
// rules. An error without a text of its own is the site's page for it. Thread: its worker's.
class RespondHandler final : public http::Handler {
 public:
  // The loop outlives it.
  RespondHandler(net::Loop& loop, const conf::RespondAction& action,
                 const std::vector<conf::CacheRule>& cache);
  void start(http::Exchange& exchange) override;

 private:
  void answer_by_status(http::Exchange& exchange);
  const cache::Pin& pin_for(std::string_view path) const noexcept;

  net::Loop& loop_;
  const int status_;
  const bool has_content_;
  const http::CacheRules rules_;
  std::vector<cache::Pin> pins_;  // one for each rule; the last for paths without one
};

}  // namespace sluice::handler
