// The request's side: one pass over the fields sorts out what the client may say and notes what the
// hops before said; then everything that is made anew is measured, and written in one piece.
#include "server/handler/proxy/forwarding.h"

#include <charconv>
#include <optional>
#include <system_error>

#include "protocol/target.h"
#include "server/handler/proxy/upstream_target.h"

namespace sluice::handler::proxy {

namespace {

// Digits of a port and of Max-Forwards.
constexpr size_t kNumbersRoom = 5 + 20;

// A request may come by twice: one site of ours may lead to another one (TLS to clear text).
constexpr size_t kSights = 2;

unsigned default_port(bool secure) noexcept { return secure ? 443 : 80; }

// An SRV name's host is what stands behind its service and protocol ("_http._tcp.app.internal").
std::string_view without_service(std::string_view host) noexcept {
  while (host.starts_with('_') && host.find('.') != std::string_view::npos) {
    host.remove_prefix(host.find('.') + 1);
  }
  return host;
}

std::string authority_of(const conf::UpstreamTarget& target) {
  if (target.host.empty()) return "localhost";
  const std::string_view host = without_service(target.host);
  const bool is_ipv6 = host.find(':') != std::string_view::npos;
  std::string text;
  text.append(is_ipv6 ? "[" : "").append(host).append(is_ipv6 ? "]" : "");
  const bool says_port = target.port != 0 && target.port != default_port(target.tls.has_value());
  if (says_port) text.append(":").append(std::to_string(target.port));
  return text;
}

// What Max-Forwards says; nothing where it does not count, or says no number.
std::optional<uint64_t> forwards_left(const HopFacts& facts) noexcept {
  if (facts.max_forwards == nullptr) return {};
  const std::string_view value = facts.max_forwards->value;
  uint64_t left = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), left);
  if (value.empty() || end != value.data() + value.size()) return {};
  return error == std::errc::result_out_of_range ? UINT64_MAX : left;
}

void copy_head(const RequestHead& in, RequestHead& out) {
  out.clear();
  out.method = in.method;
  out.method_text = in.method_text;
  out.content_length = in.content_length;
  out.has_body = in.has_body;
  out.expects_continue = in.expects_continue;
}

// The port that the client asked: a trusted peer that says which scheme, but no port, is asked at
// that scheme's unless the host says another, and not at the port it asked us at.
unsigned client_port(const RequestHead& in, const ClientFacts& client,
                     const HopFacts& facts) noexcept {
  if (client.listener_port != 0 && facts.proto.empty()) return client.listener_port;
  const bool secure = facts.proto.empty() ? client.secure : facts.proto == "https";
  const std::string_view host = valid_authority(facts.host) ? facts.host : in.authority;
  return authority_port(host, default_port(secure));
}

}  // namespace

Forwarding::Forwarding(const conf::ProxyAction& action, const ViaName& via)
    : action_(action),
      via_(via),
      changes_(action.fields),
      target_authority_(authority_of(action.target)) {}

std::string_view Forwarding::authority_for(const RequestHead& in) const noexcept {
  switch (action_.host_is) {
    case conf::ProxyAction::Host::kept:
      return in.authority.empty() ? target_authority_ : in.authority;
    case conf::ProxyAction::Host::given:
      return action_.host;
    case conf::ProxyAction::Host::upstream:
      break;
  }
  return target_authority_;
}

// Whether a field goes upstream as it is.
bool Forwarding::passes(const Field& field, bool trusted, HopFacts& facts) const {
  const auto note = [&](std::string_view& fact) {
    if (trusted && !field.value.empty()) fact = field.value;
    return false;
  };
  const auto note_size = [&](size_t& size) {
    if (trusted && is_list_value(field.value)) size += field.value.size() + 2;
    return false;
  };
  switch (hop_field(field)) {
    case HopField::none:
      return true;
    case HopField::forwarded:
      return note_size(facts.forwarded_size);
    case HopField::forwarded_for:
      return note_size(facts.forwarded_for_size);
    case HopField::forwarded_proto:
      return note(facts.proto);
    case HopField::forwarded_host:
      return note(facts.host);
    case HopField::forwarded_port:
      return note(facts.port);
    case HopField::real_ip:
      return note(facts.real_ip);
    case HopField::forwarded_other:
      return trusted;
    case HopField::request_id:
      return false;
    case HopField::via:
      facts.sights += via_.sights(field.value);
      return true;
    case HopField::max_forwards:
      if (facts.counts_forwards) facts.max_forwards = &field;
      return !facts.counts_forwards;
  }
  return true;
}

void Forwarding::take_fields(const RequestHead& in, bool trusted, HopFacts& facts,
                             FieldList& out) const {
  for (const Field& field : in.fields) {
    if (field.name.find('_') != std::string_view::npos) {
      if (!action_.underscores) continue;
      if (is_hop_field_with_underscores(field.name)) continue;
    }
    if (passes(field, trusted, facts) && !changes_.drops(field.name)) {
      out.add(field);
    }
  }
}

bool Forwarding::passes_as_trailer(const Field& field) const noexcept {
  if (field.id == FieldId::authorization || field.id == FieldId::cookie) return false;
  if (hop_field(field) != HopField::none || changes_.drops(field.name)) return false;
  if (field.name.find('_') == std::string_view::npos) return true;
  return action_.underscores && !is_hop_field_with_underscores(field.name);
}

void Forwarding::add(std::string_view name, std::string_view value, FieldList& out) const {
  if (!changes_.drops(name)) out.add(name, value, FieldId::other);
}

// What we say of the client: what a trusted peer said, where it did.
void Forwarding::add_hop_fields(const Hop& hop, const ClientFacts& client, DerivedText& text,
                                FieldList& out) const {
  const HopFacts& facts = hop.facts;
  const std::string_view forwarded_for = write_forwarded_for(hop, text);
  add("X-Forwarded-For", forwarded_for, out);
  add("X-Forwarded-Proto", facts.proto.empty() ? hop.proto : facts.proto, out);
  const std::string_view host = facts.host.empty() ? hop.request.authority : facts.host;
  if (!host.empty()) add("X-Forwarded-Host", host, out);
  const size_t mark = text.size();
  if (facts.port.empty()) text.number(client_port(hop.request, client, facts));
  add("X-Forwarded-Port", facts.port.empty() ? text.since(mark) : facts.port, out);
  if (is_ip_address(facts.real_ip)) {
    add("X-Real-IP", facts.real_ip, out);
  } else if (hop.node != kUnknownNode) {
    add("X-Real-IP", forwarded_for.substr(forwarded_for.size() - hop.node.size()), out);
  }
  if (!client.request_id.empty()) {
    add("X-Request-ID", text.copy(client.request_id), out);
  }
  add("Forwarded", write_forwarded(hop, text), out);
  add("Via", via_.value(hop.request.protocol), out);
}

void Forwarding::add_max_forwards(const HopFacts& facts, std::optional<uint64_t> left,
                                  DerivedText& text, FieldList& out) const {
  if (facts.max_forwards == nullptr) return;
  const size_t mark = text.size();
  if (left) text.number(*left - 1);
  add("Max-Forwards", left ? text.since(mark) : facts.max_forwards->value, out);
}

Forwarding::Verdict Forwarding::make_request(const RequestHead& in, const ClientFacts& client,
                                             std::span<char> room, RequestHead& out) const {
  copy_head(in, out);
  const UpstreamTarget target(in, {action_.strip, action_.base});
  if (!target.possible()) return Verdict::not_proxied;
  HopFacts facts{.counts_forwards = in.method == Method::options || in.method == Method::trace};
  take_fields(in, client.trusted, facts, out.fields);
  if (facts.sights >= kSights) return Verdict::loop;
  const std::optional<uint64_t> left = forwards_left(facts);
  if (left == 0) return Verdict::last_hop;
  const Hop hop{.request = in,
                .facts = facts,
                .node = node_name(client.address),
                .proto = client.secure ? "https" : "http"};
  DerivedText text(hop_lists_room(hop) + kNumbersRoom + client.request_id.size() + target.room(),
                   room);
  target.write(in, text, out);
  out.authority = authority_for(in);
  add_hop_fields(hop, client, text, out.fields);
  add_max_forwards(facts, left, text, out.fields);
  changes_.add_to(out.fields);
  out.derived = text.slice();
  return Verdict::forward;
}

}  // namespace sluice::handler::proxy
