// 103 (Early Hints, RFC 8297): what a page will need is named before the page is there, so that a
// browser loads both at once.
#pragma once

#include <string>
#include <vector>

#include "server/http/exchange.h"
#include "server/http/filter.h"

namespace sluice::http {

// Sends a 103 before the handler sees a GET request, and the same Link fields with the final
// response; with that of HEAD, too (RFC 9110 section 9.3.2). One 103 for each exchange, whichever
// routes it passes through. Over HTTP/1.0 there is none (section 15.2).
//
// Thread: its worker's.
class EarlyHints final : public Filter {
 public:
  // `links`: values of Link fields (RFC 8288 section 3); they outlive the filter and the exchanges
  // it sees. `to_all`: else only for requests that navigate (Sec-Fetch-Mode): RFC 8297 section 3
  // warns of clients that take a 103 for the response, browsers are none.
  EarlyHints(const std::vector<std::string>& links, bool to_all);

  void on_request(Exchange& exchange) override;
  BodySourcePointer on_response(Exchange& exchange, ResponseHead& head,
                                BodySourcePointer source) override;

 private:
  bool may_help(const RequestHead& request) const noexcept;

  const bool to_all_;
  ResponseHead hints_;
};

}  // namespace sluice::http
