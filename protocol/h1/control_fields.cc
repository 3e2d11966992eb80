// Framing is decided here and nowhere else. Each field is counted as it is taken, so that "twice"
// is seen whatever the values are; values are read only when the head is complete.
#include "protocol/h1/control_fields.h"

#include <charconv>
#include <system_error>

#include "protocol/grammar.h"

namespace sluice::h1 {

namespace {

constexpr uint64_t bit(FieldId id) noexcept { return uint64_t{1} << static_cast<unsigned>(id); }

constexpr uint64_t kControl =
    bit(FieldId::content_length) | bit(FieldId::expect) | bit(FieldId::host);

bool is_control(FieldId id) noexcept { return (kControl & bit(id)) != 0; }

// Fields that decide framing, routing or trust: a peer may not have them removed (SECURITY section
// 3).
bool may_not_be_named(std::string_view option) noexcept {
  switch (field_id(option)) {
    case FieldId::host:
    case FieldId::content_length:
    case FieldId::transfer_encoding:
    case FieldId::authorization:
    case FieldId::cookie:
      return true;
    default:
      return equals_ignoring_case(option.substr(0, 12), "x-forwarded-");
  }
}

// Codings registered besides chunked, with the aliases of RFC 9112 section 7.2.
bool is_compression(std::string_view coding) noexcept {
  for (const std::string_view known : {"gzip", "deflate", "compress", "x-gzip", "x-compress"}) {
    if (equals_ignoring_case(coding, known)) return true;
  }
  return false;
}

// True for "gzip" or "gzip, chunked": well-formed, and not implemented. No element may be empty or
// unknown, and nothing may follow chunked.
bool is_unimplemented_coding(std::string_view value) noexcept {
  bool last = false;
  bool compresses = false;
  while (!last) {
    const size_t comma = value.find(',');
    last = comma == std::string_view::npos;
    const std::string_view coding = trim(value.substr(0, comma));
    if (is_compression(coding)) {
      compresses = true;
    } else if (!last || !equals_ignoring_case(coding, "chunked")) {
      return false;
    }
    if (!last) value.remove_prefix(comma + 1);
  }
  return compresses;
}

// The value is a view into the head, where a CR or white space follows it. RFC 9110 allows HTAB
// there, but llhttp (and so every Node.js) refuses it after a length and takes it for a part of a
// coding's name: framing that parsers read in two ways is refused.
bool tab_follows(std::string_view value) noexcept {
  const char* at = value.data() + value.size();
  while (*at == ' ') ++at;
  return *at == '\t';
}

}  // namespace

bool ControlFields::take(const Field& field) noexcept {
  if (!is_control(field.id) && !is_hop_by_hop(field)) return false;
  switch (field.id) {
    case FieldId::host:
      ++hosts_;
      host_ = field.value;
      break;
    case FieldId::content_length:
      ++lengths_;
      length_ = field.value;
      break;
    case FieldId::transfer_encoding:
      ++codings_;
      coding_ = field.value;
      break;
    case FieldId::upgrade:
      if (upgrade_.empty()) upgrade_ = field.value;
      break;
    case FieldId::connection:
      take_connection(field.value);
      break;
    case FieldId::expect:
      take_expect(field.value);
      break;
    case FieldId::keep_alive:
      take_keep_alive(field.value);
      break;
    default:
      break;  // TE, Trailer: ours to drop
  }
  return true;
}

void ControlFields::take_connection(std::string_view value) noexcept {
  std::string_view option;
  while (next_list_element(value, option)) take_option(option);
}

void ControlFields::take_option(std::string_view option) noexcept {
  if (equals_ignoring_case(option, "keep-alive")) {
    keep_alive_ = true;
  } else if (equals_ignoring_case(option, "close")) {
    close_ = true;
  } else if (equals_ignoring_case(option, "upgrade")) {
    upgrade_named_ = true;
  } else if (!is_token(option)) {
    connection_error_ = "malformed Connection";
  } else if (may_not_be_named(option)) {
    connection_error_ = "Connection names a field it may not";
  } else if (named_count_ == kMaxNamed) {
    connection_error_ = "too many Connection options";
  } else {
    named_[named_count_++] = option;
  }
}

void ControlFields::take_expect(std::string_view value) noexcept {
  std::string_view expectation;
  while (next_list_element(value, expectation)) {
    const bool known = equals_ignoring_case(expectation, "100-continue");
    (known ? expects_continue_ : expects_unknown_) = true;
  }
}

// "timeout=5, max=100": what is none of it is no error, since nothing depends on it.
void ControlFields::take_keep_alive(std::string_view value) noexcept {
  static constexpr std::string_view kTimeout = "timeout=";
  std::string_view parameter;
  while (next_list_element(value, parameter)) {
    if (!equals_ignoring_case(parameter.substr(0, kTimeout.size()), kTimeout)) continue;
    const std::string_view digits = parameter.substr(kTimeout.size());
    uint32_t seconds = 0;
    const char* const end = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data(), end, seconds);
    if (error == std::errc() && rest == end) keep_alive_timeout_ = seconds;
  }
}

ProtocolError ControlFields::finish(uint64_t largest, MessageFacts& facts, FieldList& fields) {
  if (!connection_error_.empty()) return {400, connection_error_, ""};
  facts.persists = !close_ && (!facts.http_1_0 || keep_alive_);
  facts.keep_alive_timeout = keep_alive_timeout_;
  if (named_count_ != 0) drop_named(fields);
  return read_framing(largest, facts);
}

std::string_view ControlFields::upgrade() const noexcept {
  std::string_view rest = upgrade_;
  std::string_view protocol;
  return upgrade_named_ && next_list_element(rest, protocol) ? protocol : std::string_view();
}

ProtocolError ControlFields::read_framing(uint64_t largest, MessageFacts& facts) const noexcept {
  if (codings_ != 0 && lengths_ != 0) {
    return {400, "both Transfer-Encoding and Content-Length", ""};
  }
  if (lengths_ != 0) return read_length(largest, facts.content_length);
  if (codings_ == 0) return {};
  if (facts.http_1_0) return {400, "Transfer-Encoding in HTTP/1.0", ""};
  return read_coding(facts.chunked);
}

ProtocolError ControlFields::read_length(uint64_t largest,
                                         std::optional<uint64_t>& length) const noexcept {
  if (lengths_ != 1) return {400, "more than one Content-Length", ""};
  if (length_.empty()) return {400, "empty Content-Length", ""};
  if (tab_follows(length_)) return {400, "HTAB after Content-Length", ""};
  for (const char octet : length_) {
    if (!is_digit(octet)) return {400, "malformed Content-Length", ""};
  }
  uint64_t value = 0;
  for (const char octet : length_) {
    const auto digit = static_cast<uint64_t>(octet - '0');
    if (__builtin_mul_overflow(value, uint64_t{10}, &value) ||
        __builtin_add_overflow(value, digit, &value)) {
      return {413, "Content-Length beyond the cap", "body"};
    }
  }
  if (value > largest) return {413, "Content-Length beyond the cap", "body"};
  length = value;
  return {};
}

ProtocolError ControlFields::read_coding(bool& chunked) const noexcept {
  if (codings_ != 1) return {400, "more than one Transfer-Encoding", ""};
  chunked = equals_ignoring_case(coding_, "chunked") && !tab_follows(coding_);
  if (chunked) return {};
  if (is_unimplemented_coding(coding_)) return {501, "transfer coding not implemented", ""};
  return {400, "malformed Transfer-Encoding", ""};
}

// Rare (Connection mostly says close or keep-alive), so that a new list is affordable.
void ControlFields::drop_named(FieldList& fields) const {
  FieldList kept;
  for (const Field& field : fields) {
    bool named = false;
    for (size_t at = 0; at < named_count_; ++at) {
      named = named || equals_ignoring_case(named_[at], field.name);
    }
    if (!named) kept.add(field);
  }
  fields = std::move(kept);
}

}  // namespace sluice::h1
