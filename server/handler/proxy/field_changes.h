// Rules for a request's fields (`fields` of a proxy), made ready: which received fields they drop,
// and what is added in the end.
//
// Rules apply in order, and a `set` or `remove` undoes what stood there before, other rules'
// additions too. So what they come to is known beforehand: every name that one of them sets or
// removes is dropped, and of the values those stay that no later rule undoes.
#pragma once

#include <string_view>
#include <vector>

#include "conf/configuration.h"
#include "protocol/fields.h"

namespace sluice::handler::proxy {

// Immutable; any thread.
class FieldChanges {
 public:
  // `rules` outlive it and the field lists it adds to.
  explicit FieldChanges(const std::vector<conf::FieldRule>& rules);

  bool drops(std::string_view name) const noexcept { return !dropped_.empty() && is_dropped(name); }
  void add_to(FieldList& fields) const;

 private:
  bool is_dropped(std::string_view name) const noexcept;

  std::vector<std::string_view> dropped_;
  FieldList added_;
};

}  // namespace sluice::handler::proxy
