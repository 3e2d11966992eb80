// Lines of one field are joined: a list in several lines is the same (RFC 9110 section 5.3), but
// many applications read the first only.
#include "server/handler/proxy/forwarded_values.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "protocol/grammar.h"
#include "protocol/target.h"

namespace sluice::handler::proxy {

namespace {

// `for="[`, an IPv6 address, `]"`, and the comma: what an element takes at most beside its host and
// scheme, which take this, too.
constexpr size_t kNodeRoom = 64;
constexpr std::string_view kParameters = R"(;proto=;host="")";

// Calls `take` with each value of a field that can be continued.
template <typename Take>
void for_each_value(const RequestHead& request, HopField wanted, const Take& take) {
  for (const Field& field : request.fields) {
    if (hop_field(field) == wanted && is_list_value(field.value)) take(field.value);
  }
}

void write_joined(const RequestHead& request, HopField wanted, DerivedText& text) {
  for_each_value(request, wanted, [&](std::string_view value) { text.text(value).text(", "); });
}

// Whether the peer's list is carried over from X-Forwarded-For.
bool is_converted(const HopFacts& facts) noexcept {
  return facts.forwarded_size == 0 && facts.forwarded_for_size != 0;
}

size_t elements(const RequestHead& request) {
  size_t count = 0;
  for_each_value(request, HopField::forwarded_for, [&](std::string_view value) {
    count += 1 + static_cast<size_t>(std::count(value.begin(), value.end(), ','));
  });
  return count;
}

// IPv6 addresses hold colons, and stand in brackets and quotes (RFC 7239 section 6).
void write_node(std::string_view node, DerivedText& text) noexcept {
  if (node.find(':') != std::string_view::npos) {
    text.text("for=\"[").text(node).text("]\"");
  } else {
    text.text("for=").text(node);
  }
}

// Requires: `host` is empty or an authority, and so holds neither a quote nor a backslash.
void write_parameters(std::string_view proto, std::string_view host, DerivedText& text) noexcept {
  if (is_token(proto)) text.text(";proto=").text(proto);
  if (host.empty()) return;
  if (is_token(host)) {
    text.text(";host=").text(host);
  } else {
    text.text(";host=\"").text(host).text("\"");
  }
}

// The first of them is the client: the host and the scheme that it asked with are its element's.
void write_converted(const Hop& hop, DerivedText& text) {
  bool first = true;
  const HopFacts& facts = hop.facts;
  for_each_value(hop.request, HopField::forwarded_for, [&](std::string_view rest) {
    std::string_view node;
    while (next_list_element(rest, node)) {
      write_node(is_ip_address(node) ? node : kUnknownNode, text);
      if (first) write_parameters(facts.proto, valid_authority(facts.host) ? facts.host : "", text);
      text.text(", ");
      first = false;
    }
  });
}

}  // namespace

bool is_ip_address(std::string_view text) noexcept {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.empty() || text.size() >= terminated.size()) return false;
  if (text.find('\0') != std::string_view::npos) return false;
  text.copy(terminated.data(), text.size());
  in6_addr parsed;
  const int family = text.find(':') != std::string_view::npos ? AF_INET6 : AF_INET;
  return inet_pton(family, terminated.data(), &parsed) == 1;
}

bool is_list_value(std::string_view value) noexcept {
  if (value.find('"') == std::string_view::npos) return !value.empty();
  bool quoted = false;
  for (size_t at = 0; at < value.size(); ++at) {
    if (value[at] == '"') quoted = !quoted;
    if (quoted && value[at] == '\\') ++at;
  }
  return !quoted;
}

std::string_view node_name(std::string_view address) noexcept {
  return address.empty() || address.starts_with("unix:") ? kUnknownNode : address;
}

size_t hop_lists_room(const Hop& hop) noexcept {
  const HopFacts& facts = hop.facts;
  const size_t ours = kNodeRoom + hop.node.size() + kParameters.size() + hop.proto.size() +
                      hop.request.authority.size();
  size_t room = facts.forwarded_for_size + hop.node.size() + facts.forwarded_size + ours;
  if (is_converted(facts)) {
    room += elements(hop.request) * kNodeRoom + kParameters.size() + facts.proto.size() +
            facts.host.size();
  }
  return room;
}

std::string_view write_forwarded_for(const Hop& hop, DerivedText& text) noexcept {
  const size_t mark = text.size();
  if (hop.facts.forwarded_for_size != 0) {
    write_joined(hop.request, HopField::forwarded_for, text);
  }
  return text.text(hop.node).since(mark);
}

std::string_view write_forwarded(const Hop& hop, DerivedText& text) noexcept {
  const size_t mark = text.size();
  if (is_converted(hop.facts)) {
    write_converted(hop, text);
  } else if (hop.facts.forwarded_size != 0) {
    write_joined(hop.request, HopField::forwarded, text);
  }
  write_node(hop.node, text);
  write_parameters(hop.proto, hop.request.authority, text);
  return text.since(mark);
}

}  // namespace sluice::handler::proxy
