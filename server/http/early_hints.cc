// Early hints: one head made once, sent to whom it may help.
#include "server/http/early_hints.h"

namespace sluice::http {

namespace {

// Fetch Metadata: a document is asked for. Browsers send it to trustworthy origins only.
bool navigates(const RequestHead& request) noexcept {
  const Field* const mode = request.fields.find("Sec-Fetch-Mode");
  return mode != nullptr && mode->value == "navigate";
}

}  // namespace

EarlyHints::EarlyHints(const std::vector<std::string>& links, bool to_all) : to_all_(to_all) {
  hints_.status = 103;
  for (const std::string& link : links) hints_.fields.add("Link", link);
}

bool EarlyHints::may_help(const RequestHead& request) const noexcept {
  return to_all_ || navigates(request);
}

void EarlyHints::on_request(Exchange& exchange) {
  const RequestHead& request = exchange.request();
  const bool once = request.method == Method::get && !exchange.hinted();
  if (once && may_help(request)) exchange.interim(hints_);
}

BodySourcePointer EarlyHints::on_response(Exchange& exchange, ResponseHead& head,
                                          BodySourcePointer source) {
  const Method method = exchange.request().method;
  const bool retrieves = method == Method::get || method == Method::head;
  if (!retrieves || !may_help(exchange.request())) return source;
  for (const Field& link : hints_.fields) head.fields.add(link);
  return source;
}

}  // namespace sluice::http
