// Strict-Transport-Security (RFC 6797): has browsers ask for a host over TLS only, from the first
// answer that they get over TLS on.
#pragma once

#include <string>

#include "conf/configuration.h"
#include "server/http/exchange.h"
#include "server/http/filter.h"

namespace sluice::http {

// Adds the field to responses over TLS, and to no other (section 7.2). Thread: its worker's.
class StrictTransport final : public Filter {
 public:
  explicit StrictTransport(const conf::Hsts& hsts)
      : value_("max-age=" + std::to_string(hsts.max_age.count()) +
               (hsts.subdomains ? "; includeSubDomains" : "") + (hsts.preload ? "; preload" : "")) {
  }

  BodySourcePointer on_response(Exchange& exchange, ResponseHead& head,
                                BodySourcePointer source) override {
    if (exchange.secure()) head.fields.add("Strict-Transport-Security", value_);
    return source;
  }

 private:
  const std::string value_;
};

}  // namespace sluice::http
