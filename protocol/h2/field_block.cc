// Checks in the order in which they can be trusted: the limits while lines come, then what makes a
// request malformed, which nghttp2 lets through (SECURITY section 2), then what we do not serve.
#include "protocol/h2/field_block.h"

#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "protocol/grammar.h"
#include "protocol/request_target.h"
#include "protocol/target.h"

namespace sluice::h2 {

namespace {

constexpr size_t kLineCost = 32;
constexpr std::string_view kCookieJoint = "; ";

ProtocolError malformed(std::string_view cause) noexcept { return {400, cause, ""}; }

std::optional<uint64_t> number_of(std::string_view digits) noexcept {
  uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || at != end || digits.empty()) return std::nullopt;
  return value;
}

}  // namespace

struct FieldBlock::PseudoFields {
  std::array<std::string_view, 7> values;
  std::string_view operator[](Pseudo which) const noexcept {
    return values[static_cast<size_t>(which)];
  }
};

// Fields that the codec acts on itself.
struct FieldBlock::Control {
  unsigned hosts = 0;
  std::string_view host;
  std::string_view expect;
};

void FieldBlock::begin(Kind kind) noexcept {
  kind_ = kind;
  text_.clear();
  parts_.clear();
  lines_ = octets_ = cookies_ = 0;
  refusal_ = {};
}

void FieldBlock::refuse(int status, std::string_view cause, std::string_view limit) noexcept {
  if (refusal_.status == 0) refusal_ = {status, cause, limit};
}

// nghttp2 has refused any that is not one of these.
FieldBlock::Pseudo FieldBlock::pseudo_of(std::string_view name) noexcept {
  if (name.empty() || name[0] != ':') return Pseudo::none;
  switch (name.size()) {
    case 5:
      return Pseudo::path;
    case 9:
      return Pseudo::protocol;
    case 10:
      return Pseudo::authority;
    default:
      return name[1] == 'm' ? Pseudo::method : name[2] == 'c' ? Pseudo::scheme : Pseudo::status;
  }
}

void FieldBlock::add(std::string_view name, std::string_view value, const Limits& limits) {
  ++lines_;
  octets_ += name.size() + value.size() + kLineCost;
  const Pseudo pseudo = pseudo_of(name);
  if (kind_ == Kind::trailers) {
    if (lines_ > limits.trailer_fields)
      return refuse(400, "too many trailer fields", "trailer_fields");
    if (octets_ > limits.trailers) return refuse(400, "trailers too large", "trailers");
  } else {
    if (pseudo == Pseudo::path && value.size() > limits.target)
      return refuse(414, "target too long", "request_line");
    if (pseudo == Pseudo::none && name.size() + value.size() > limits.field)
      return refuse(431, "field too long", "field");
    if (lines_ > limits.fields) return refuse(431, "too many fields", "fields");
    if (octets_ > limits.head) return refuse(431, "head too large", "head");
  }
  const FieldId id = pseudo == Pseudo::none ? field_id(name) : FieldId::other;
  if (id == FieldId::cookie) ++cookies_;
  parts_.push_back({.name = static_cast<uint32_t>(text_.size()),
                    .name_size = static_cast<uint32_t>(name.size()),
                    .value_size = static_cast<uint32_t>(value.size()),
                    .pseudo = pseudo,
                    .id = id});
  text_.append(name).append(value);
}

// Heads of several streams lie side by side in one block.
Slice FieldBlock::keep(BlockPool& pool) const {
  if (text_.size() > BlockPool::kBlockSize || text_.empty()) return copy_of(text_);
  const std::span<char> room = pool.reserve(text_.size());
  std::memcpy(room.data(), text_.data(), text_.size());
  return pool.commit(text_.size());
}

// `text` is text_, or a copy of it: views point into it.
FieldBlock::PseudoFields FieldBlock::pseudo_fields(std::string_view text) const noexcept {
  PseudoFields found;
  for (const Part& part : parts_) {
    if (part.pseudo == Pseudo::none) break;  // nghttp2 holds them to the front
    found.values[static_cast<size_t>(part.pseudo)] = value_of(part, text);
  }
  return found;
}

// Crumbs of a cookie become one field again (RFC 9113 section 8.2.3).
Slice FieldBlock::joined_cookie() const {
  std::string joined;
  for (const Part& part : parts_) {
    if (part.id != FieldId::cookie) continue;
    if (!joined.empty()) joined += kCookieJoint;
    joined += value_of(part, text_);
  }
  return copy_of(joined);
}

// The fields but those that the codec acts on itself. False when one makes the request malformed.
bool FieldBlock::take_fields(std::string_view text, RequestHead& head, Control& control) const {
  bool has_cookie = false;
  for (const Part& part : parts_) {
    if (part.pseudo != Pseudo::none) continue;
    const std::string_view name = name_of(part, text);
    const std::string_view value = value_of(part, text);
    switch (part.id) {
      case FieldId::host:
        ++control.hosts;
        control.host = value;
        break;
      case FieldId::content_length:
        head.content_length = number_of(value);
        if (!head.content_length) return false;
        break;
      case FieldId::expect:
        control.expect = value;
        break;
      case FieldId::te:
      case FieldId::trailer:
        break;
      case FieldId::cookie:
        if (cookies_ > 1) {
          if (!std::exchange(has_cookie, true))
            head.fields.add(name, head.cookie.view(), FieldId::cookie);
          break;
        }
        [[fallthrough]];
      default:
        head.fields.add(name, value, part.id);
    }
  }
  return true;
}

FieldBlock::Verdict FieldBlock::finish_request(const Asked& asked, BlockPool& pool,
                                               RequestHead& head, ProtocolError& error) const {
  error = refusal_;
  if (error.status != 0) return Verdict::refused;
  head.storage = keep(pool);
  if (cookies_ > 1) head.cookie = joined_cookie();
  const std::string_view text = head.storage.view();
  const PseudoFields pseudo = pseudo_fields(text);
  head.method_text = pseudo[Pseudo::method];
  head.method = method_of(pseudo[Pseudo::method]);
  if (!is_token(head.method_text)) {
    error = malformed("malformed :method");
    return Verdict::malformed;
  }
  head.protocol = "HTTP/2.0";
  head.tunnel = pseudo[Pseudo::protocol];
  head.has_body = !asked.ends_stream;
  Control control;
  if (!take_fields(text, head, control)) {
    error = malformed("malformed field");
    return Verdict::malformed;
  }
  error = take_place(pseudo, control, asked.secure, pool, head);
  if (error.status != 0) return Verdict::malformed;
  error = unserved(control, asked, head);
  return error.status != 0 ? Verdict::refused : Verdict::good;
}

// Where the request is for. An error makes it malformed.
ProtocolError FieldBlock::take_place(const PseudoFields& pseudo, const Control& control,
                                     bool secure, BlockPool& pool, RequestHead& head) const {
  const bool plain_connect = head.method == Method::connect && pseudo[Pseudo::protocol].empty();
  const std::string_view scheme = secure ? "https" : "http";
  if (control.hosts > 1) return malformed("more than one Host");
  head.authority = pseudo[Pseudo::authority].empty() ? control.host : pseudo[Pseudo::authority];
  if (head.authority.empty()) return malformed("neither :authority nor Host");
  if (!valid_authority(head.authority)) return malformed("malformed :authority");
  if (control.hosts == 1 && (!valid_authority(control.host) ||
                             !same_authority(head.authority, control.host, default_port(scheme))))
    return malformed("Host differs from :authority");
  if (plain_connect) {
    head.target = pseudo[Pseudo::authority];
    return authority_port(head.target, 0) == 0 ? malformed("CONNECT without a port")
                                               : ProtocolError{};
  }
  if (!equals_ignoring_case(pseudo[Pseudo::scheme], scheme))
    return malformed(":scheme is not the connection's");
  Target target;
  head.target = pseudo[Pseudo::path];
  const bool asks_server = pseudo[Pseudo::path] == "*" && head.method == Method::options;
  const bool starts_well = pseudo[Pseudo::path].starts_with('/') || asks_server;
  if (!starts_well || !parse_target(pseudo[Pseudo::path], target))
    return malformed("malformed :path");
  take_target(target, pool, head);
  head.scheme = pseudo[Pseudo::scheme];
  return {};
}

// What is well-formed, and answered with an error all the same.
ProtocolError FieldBlock::unserved(const Control& control, const Asked& asked, RequestHead& head) {
  if (head.content_length.value_or(0) > asked.content_length)
    return {413, "Content-Length beyond the cap", "body"};
  if (control.expect.empty()) return {};
  if (!equals_ignoring_case(control.expect, "100-continue"))
    return {417, "unknown expectation", ""};
  head.expects_continue = head.has_body;
  return {};
}

bool FieldBlock::finish_response(BlockPool& pool, ResponseHead& head) const {
  head.storage = keep(pool);
  const std::string_view text = head.storage.view();
  const std::optional<uint64_t> status = number_of(pseudo_fields(text)[Pseudo::status]);
  if (!status || *status < 100 || *status > 999) return false;
  head.status = static_cast<int>(*status);
  for (const Part& part : parts_) {
    if (part.pseudo == Pseudo::none)
      head.fields.add(name_of(part, text), value_of(part, text), part.id);
  }
  return true;
}

std::optional<Slice> FieldBlock::finish_trailers(BlockPool& pool, FieldList& trailers) const {
  Slice storage = keep(pool);
  const std::string_view text = storage.view();
  for (const Part& part : parts_) {
    if (is_forbidden_in_trailers(part.id)) return std::nullopt;
    const Field field{name_of(part, text), value_of(part, text), part.id};
    if (!is_hop_by_hop(field)) trailers.add(field);
  }
  return storage;
}

}  // namespace sluice::h2
