// A representation for each rule that may hold for a path, made once.
#include "server/handler/respond.h"

#include <optional>
#include <utility>

#include "cache/representation.h"
#include "server/handler/held_source.h"
#include "server/http/representation_response.h"

namespace sluice::handler {

namespace {

cache::Pin make_pin(const conf::RespondAction& action, const cache::Freshness& freshness) {
  Ref<SharedBody> body = Ref<SharedBody>::adopt(new SharedBody());
  if (!action.body.empty()) body->append(action.body);
  Ref<cache::Representation> made = cache::Representation::of_memory(
      action.status, {{"Content-Type", action.body.empty() ? "" : action.type}}, std::move(body),
      {.freshness = freshness});
  return cache::pin(Ref<cache::Entry>::adopt(new cache::Entry({}, std::move(made))));
}

class WholeBody final : public http::StoredBody {
 public:
  explicit WholeBody(const cache::Pin& pin) : pin_(pin) {}
  // Only ever asked for the whole: the representation accepts no ranges.
  BodySourcePointer source(http::Exchange& exchange, uint64_t begin, uint64_t end, bool) override {
    return exchange.emplace_source<HeldSource>(pin_, begin, end);
  }

 private:
  const cache::Pin& pin_;
};

}  // namespace

RespondHandler::RespondHandler(net::Loop& loop, const conf::RespondAction& action,
                               const std::vector<conf::CacheRule>& cache)
    : loop_(loop), status_(action.status), has_content_(!action.body.empty()), rules_(cache) {
  for (size_t rule = 0; rule < rules_.size(); ++rule)
    pins_.push_back(make_pin(action, rules_.freshness(rule)));
  pins_.push_back(make_pin(action, {}));
}

const cache::Pin& RespondHandler::pin_for(std::string_view path) const noexcept {
  return pins_[rules_.find(path).value_or(rules_.size())];
}

// The text, or page, is the status's; what caches may do with it is the route's.
void RespondHandler::answer_by_status(http::Exchange& exchange) {
  if (const std::optional<size_t> rule = rules_.find(exchange.request().path))
    http::add_freshness(exchange, rules_.freshness(*rule), loop_.wall_seconds());
  http::respond_with_status(exchange, status_, "");
}

void RespondHandler::start(http::Exchange& exchange) {
  const RequestHead& request = exchange.request();
  // A 405 says which methods there are (RFC 9110 section 15.5.6): here none, unless a rule for
  // fields says otherwise.
  if (status_ == 405) exchange.response().fields.add("Allow", "", FieldId::allow);
  if (status_ >= 400 && !has_content_) return answer_by_status(exchange);
  const cache::Pin& pin = pin_for(request.path);
  const cache::Representation& representation = pin.entry->representation();
  Ref<Owner> owner(pin.handle.get());
  const bool reads = request.method == Method::get || request.method == Method::head;
  if (status_ == 200 && reads) {
    WholeBody body(pin);
    return http::respond_with_representation(exchange, representation, std::move(owner), body,
                                             loop_.wall_seconds());
  }
  ResponseHead& head = exchange.response();
  head.status = status_;
  head.prepared = &representation.fields();
  head.prepared_owner = std::move(owner);
  if (!has_content_) return exchange.respond();
  exchange.respond(exchange.emplace_source<HeldSource>(pin, size_t{0}, representation.length()));
}

}  // namespace sluice::handler
