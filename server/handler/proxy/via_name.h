// The name that this server has in Via (RFC 9110 section 7.6.3), and how often a message has met
// it.
//
// It is a pseudonym, made once from a random number when it is first asked for and the same for all
// workers: a message that goes round, over whatever hosts, is seen when it comes back, and two
// servers of one machine are not taken for one. The fields' values are made with it, so that adding
// Via costs no memory.
#pragma once

#include <string>
#include <string_view>

#include "protocol/fields.h"

namespace sluice::handler::proxy {

// Immutable; any thread.
class ViaName {
 public:
  // Requires: `name` is a token.
  explicit ViaName(std::string name);
  // This process's: "sluice-" and eight hexadecimal digits.
  static const ViaName& own();

  std::string_view name() const noexcept { return name_; }
  // The value to add to a message that was received as `protocol` ("HTTP/1.0", "HTTP/2.0"; anything
  // else is 1.1). Lives as long as this.
  std::string_view value(std::string_view protocol) const noexcept;
  // How often the value of a Via field names this server.
  size_t sights(std::string_view via) const noexcept;

 private:
  std::string name_;
  std::string http_1_0_;
  std::string http_1_1_;
  std::string http_2_;
};

}  // namespace sluice::handler::proxy
