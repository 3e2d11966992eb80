// Making the location of a redirect to TLS.
#include "server/handler/https_redirect.h"

#include <string_view>

namespace sluice::handler {

namespace {

// As received; of the absolute form what stands behind the authority (RFC 9112 section 3.2.2),
// which may be a query alone.
std::string origin_form_of(std::string_view target) {
  if (target.starts_with('/')) return std::string(target);
  const size_t end = target.find_first_of("/?", target.find("//") + 2);
  if (end == std::string_view::npos) return "/";
  return (target[end] == '?' ? "/" : "") + std::string(target.substr(end));
}

// Without its port, which is that of clear text; an IPv6 address keeps its brackets.
std::string_view host_of(std::string_view authority) noexcept {
  const size_t bracket = authority.starts_with('[') ? authority.find(']') : 0;
  return authority.substr(0, authority.find(':', bracket));
}

}  // namespace

void HttpsRedirectHandler::start(http::Exchange& exchange) {
  const RequestHead& request = exchange.request();
  const std::string_view host = request.authority.empty() ? host_ : host_of(request.authority);
  // "OPTIONS *" and CONNECT are about no place.
  if (host.empty() || !request.path.starts_with('/'))
    return http::respond_with_status(exchange, 400, "clear text to a site for HTTPS");
  std::string location = "https://" + std::string(host);
  if (port_ != 443) location += ":" + std::to_string(port_);
  location += origin_form_of(request.target);
  ResponseHead& head = exchange.response();
  head.storage = copy_of(location);
  head.fields.add("Location", head.storage.view(), FieldId::location);
  http::respond_with_status(exchange, 308, "");
}

}  // namespace sluice::handler
