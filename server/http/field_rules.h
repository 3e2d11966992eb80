// Response fields that a configuration sets, adds and removes.
//
// They apply to every final response of a route, errors included. What describes content
// (Content-Type and its like) is not put into a response without any, a 304 above all: a cache
// would write it over what it has stored (RFC 9111 section 3.2). The Content-Type of several parts
// stays, because it carries their boundary (RFC 9110 section 14.6). Cache-Control takes Expires
// with it, so that the two never disagree.
#pragma once

#include <string_view>
#include <vector>

#include "conf/configuration.h"
#include "server/http/filter.h"

namespace sluice::http {

// Thread: its worker's. Allocates nothing once it has seen a response that it takes fields from.
class FieldRules final : public Filter {
 public:
  // `rules` outlive it and the exchanges it sees. Requires: they name no field that the codec, the
  // connection or a representation makes itself; names and values are valid (RFC 9110 section 5).
  explicit FieldRules(const std::vector<conf::FieldRule>& rules);

  BodySourcePointer on_response(Exchange& exchange, ResponseHead& head,
                                BodySourcePointer source) override;

 private:
  struct Rule {
    conf::FieldRule::Action action;
    std::string_view name;
    std::string_view value;
    FieldId id;
    bool describes_content;
  };

  void apply(const Rule& rule, ResponseHead& head);
  void erase(std::string_view name, ResponseHead& head);

  std::vector<Rule> rules_;
  FieldList scratch_;
};

}  // namespace sluice::http
