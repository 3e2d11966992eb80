// Going through the search list.
#include "server/net/name_search.h"

#include <algorithm>
#include <utility>

namespace sluice::net {

using Outcome = DnsAnswer::Outcome;

NameSearch::NameSearch(DnsClient& client, std::string host, std::initializer_list<DnsType> types,
                       NameSearchEvents& events)
    : client_(client), host_(std::move(host)), types_(types), events_(events) {}

void NameSearch::start() {
  names_ = client_.full_names(host_);
  next_name_ = 0;
  failure_ = {.outcome = Outcome::answered};
  ask_next();
}

void NameSearch::ask_next() {
  const std::string& name = names_[next_name_++];
  answers_ = {};
  waiting_ = types_.size();
  for (const DnsType type : types_) client_.ask(name, type, *this);
}

bool NameSearch::answered() const noexcept {
  return std::any_of(answers_.begin(), answers_.end(), [](const auto& answer) {
    return answer && answer->outcome == Outcome::answered;
  });
}

void NameSearch::on_answer(DnsType type, DnsAnswer answer) {
  const auto index = std::find(types_.begin(), types_.end(), type) - types_.begin();
  answers_[static_cast<size_t>(index)] = std::move(answer);
  --waiting_;
  if (finished() && !answered()) {
    note_failures();
    if (may_go_on()) return ask_next();
  }
  events_.on_search();
}

void NameSearch::note_failures() {
  for (const auto& answer : answers_) {
    if (answer && answer->outcome >= failure_.outcome) failure_ = *answer;
  }
}

bool NameSearch::may_go_on() const noexcept {
  return next_name_ < names_.size() && failure_.outcome < Outcome::failed;
}

}  // namespace sluice::net
