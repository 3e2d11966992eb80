// The types of error that RFC 9209 section 2.3 registers, each as the field's whole value, so that
// saying one allocates nothing.
#include "server/handler/proxy/proxy_status.h"

#include <algorithm>
#include <array>

namespace sluice::handler::proxy {

namespace {

constexpr std::string_view kBefore = "sluice; error=";
constexpr std::array<std::string_view, 32> kValues = {
    "sluice; error=proxy_internal_error",  // whatever is not registered
    "sluice; error=dns_timeout",
    "sluice; error=dns_error",
    "sluice; error=destination_not_found",
    "sluice; error=destination_unavailable",
    "sluice; error=destination_ip_prohibited",
    "sluice; error=destination_ip_unroutable",
    "sluice; error=connection_refused",
    "sluice; error=connection_terminated",
    "sluice; error=connection_timeout",
    "sluice; error=connection_read_timeout",
    "sluice; error=connection_write_timeout",
    "sluice; error=connection_limit_reached",
    "sluice; error=tls_protocol_error",
    "sluice; error=tls_certificate_error",
    "sluice; error=tls_alert_received",
    "sluice; error=http_request_error",
    "sluice; error=http_request_denied",
    "sluice; error=http_response_incomplete",
    "sluice; error=http_response_header_section_size",
    "sluice; error=http_response_header_size",
    "sluice; error=http_response_body_size",
    "sluice; error=http_response_trailer_section_size",
    "sluice; error=http_response_trailer_size",
    "sluice; error=http_response_transfer_coding",
    "sluice; error=http_response_content_coding",
    "sluice; error=http_response_timeout",
    "sluice; error=http_upgrade_failed",
    "sluice; error=http_protocol_error",
    "sluice; error=proxy_internal_response",
    "sluice; error=proxy_configuration_error",
    "sluice; error=proxy_loop_detected"};

}  // namespace

std::string_view proxy_status_value(std::string_view error) noexcept {
  const auto found = std::find_if(kValues.begin(), kValues.end(), [error](std::string_view value) {
    return value.substr(kBefore.size()) == error;
  });
  return found != kValues.end() ? *found : kValues.front();
}

}  // namespace sluice::handler::proxy
