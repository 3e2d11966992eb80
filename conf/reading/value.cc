// The forms of single values.
#include "conf/reading/value.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <span>

namespace sluice::conf {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || error != std::errc() || rest != end) return std::nullopt;
  return number;
}

// --- Hosts ---------------------------------------------------------------------------------------

std::string label_problem(std::string_view label) {
  if (label.empty()) return "a name has no empty part between its dots";
  if (label.size() > 63) return "a part between dots has at most 63 letters";
  if (label.front() == '-' || label.back() == '-') return "no part begins or ends with '-'";
  // '_' is no letter of host names, but of the names that containers are given.
  const bool good = std::all_of(label.begin(), label.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '_';
  });
  return good ? std::string() : "a name is made of letters, digits, '-' and dots";
}

std::string name_problem(std::string_view name) {
  if (name.size() > 253) return "a name has at most 253 letters";
  while (true) {
    const size_t dot = name.find('.');
    if (std::string problem = label_problem(name.substr(0, dot)); !problem.empty()) return problem;
    if (dot == name.npos) return {};
    name.remove_prefix(dot + 1);
  }
}

bool is_address(int family, std::string_view text, void* out) {
  return inet_pton(family, std::string(text).c_str(), out) == 1;
}

std::string literal_problem(std::string_view host) {
  in6_addr room;
  if (host.ends_with(']') && is_address(AF_INET6, host.substr(1, host.size() - 2), &room))
    return {};
  return "brackets hold an IPv6 address, for example [::1], and nothing follows them";
}

}  // namespace

std::string host_problem(std::string_view host) {
  if (host.empty()) return "a name has at least one letter";
  if (host.find("://") != host.npos) return "leave the scheme away: only the name";
  if (host.find('/') != host.npos) return "leave the path away: only the name";
  if (host.front() == '[') return literal_problem(host);
  if (host.find(':') != host.npos) return "leave the port away: ports belong to [[listener]]";
  if (std::any_of(host.begin(), host.end(), [](char c) { return (c & 0x80) != 0; })) {
    return "write names beyond ASCII as browsers send them: xn--...";
  }
  if (host.ends_with('.')) return "leave the last dot away";
  if (host.starts_with("*.")) host.remove_prefix(2);
  if (host.find('*') != host.npos) return "a wildcard is the whole first part: *.example.com";
  return name_problem(host);
}

std::optional<AddressBlock> parse_block(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  AddressBlock block;
  const bool v4 = is_address(AF_INET, address, block.address.data() + 12);
  if (v4) block.address[10] = block.address[11] = 0xFF;
  if (!v4 && !is_address(AF_INET6, address, block.address.data())) return std::nullopt;
  if (slash == text.npos) return block;
  const std::optional<unsigned> bits = parse_number<unsigned>(text.substr(slash + 1));
  if (!bits || *bits > (v4 ? 32U : 128U)) return std::nullopt;
  block.bits = static_cast<uint8_t>(*bits + (v4 ? 96 : 0));
  return block;
}

std::optional<std::chrono::seconds> parse_age(std::string_view text) {
  constexpr std::array<std::pair<char, int64_t>, 4> kUnits = {
      {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}}};
  if (text.empty()) return std::nullopt;
  const std::optional<uint32_t> number = parse_number<uint32_t>(text.substr(0, text.size() - 1));
  for (const auto& [unit, seconds] : kUnits) {
    if (!number || text.back() != unit) continue;
    const int64_t age = *number * seconds;
    if (age <= INT32_MAX) return std::chrono::seconds(age);
  }
  return std::nullopt;
}

bool is_token(std::string_view text) noexcept {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter(c) || is_digit(c) || kOthers.find(c) != kOthers.npos;
  });
}

std::string field_value_problem(std::string_view value) {
  if (value.find_first_of("\r\n") != value.npos) return "a field's value is one line";
  const bool controls = std::any_of(value.begin(), value.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
  });
  if (controls) return "it has a control character in it";
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  if (!value.empty() && (is_space(value.front()) || is_space(value.back()))) {
    return "a value neither begins nor ends with a space";
  }
  return {};
}

namespace {

struct Reserved {
  std::string_view name;
  std::string_view reason;
};

constexpr std::string_view kFraming = "it says where the message ends, which Sluice alone knows";
constexpr std::string_view kConnection = "it concerns the connection, not what is sent on it";
constexpr std::string_view kValidator = "Sluice makes it from the content; another would be wrong";

// Of any message (RFC 9110 section 7.6.1).
constexpr std::array kReserved = {
    Reserved{"content-length", kFraming}, Reserved{"transfer-encoding", kFraming},
    Reserved{"trailer", kFraming},        Reserved{"connection", kConnection},
    Reserved{"keep-alive", kConnection},  Reserved{"proxy-connection", kConnection},
    Reserved{"upgrade", kConnection},     Reserved{"te", kConnection}};
constexpr std::array kReservedInResponses = {
    Reserved{"date", "Sluice sends the time"}, Reserved{"etag", kValidator},
    Reserved{"last-modified", kValidator}, Reserved{"content-range", kValidator},
    Reserved{"accept-ranges", kValidator}};
constexpr std::array kReservedInRequests = {
    Reserved{"host", "the key `host` of proxy says it"},
    Reserved{"expect", "Sluice itself waits for the upstream's 100 (Continue)"},
    Reserved{"via", "by it a request that goes round in circles is seen"}};

std::string reason_of(std::string_view name, std::span<const Reserved> own) {
  const std::string small = lower(name);
  for (const std::span<const Reserved> fields : {std::span<const Reserved>(kReserved), own}) {
    for (const Reserved& one : fields) {
      if (one.name == small) return std::string(one.reason);
    }
  }
  return {};
}

}  // namespace

std::string reserved_field(std::string_view name) { return reason_of(name, kReservedInResponses); }

std::string reserved_request_field(std::string_view name) {
  return reason_of(name, kReservedInRequests);
}

bool is_media_type(std::string_view text) noexcept {
  const std::string_view essence = text.substr(0, text.find(';'));
  const size_t end = essence.find_last_not_of(' ');
  if (end == essence.npos) return false;
  const std::string_view type = essence.substr(0, end + 1);
  const size_t slash = type.find('/');
  if (slash == type.npos || !is_token(type.substr(0, slash))) return false;
  const bool parameters =
      text.size() == essence.size() || text.find('=', essence.size()) != text.npos;
  return is_token(type.substr(slash + 1)) && parameters && field_value_problem(text).empty();
}

namespace {

std::string percent_encoded(char c) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto octet = static_cast<unsigned char>(c);
  return {'%', kDigits[octet >> 4], kDigits[octet & 15]};
}

std::string encoding_problem(std::string_view path, size_t at) {
  const std::string_view digits = path.substr(at + 1, 2);
  const auto is_upper_hex = [](char c) { return is_digit(c) || (c >= 'A' && c <= 'F'); };
  if (digits.size() < 2 || !std::all_of(digits.begin(), digits.end(), is_upper_hex)) {
    return "after '%' stand two digits of 0-9 and A-F (large letters)";
  }
  unsigned octet = 0;
  std::from_chars(digits.data(), digits.data() + 2, octet, 16);
  const char c = static_cast<char>(octet);
  if (is_letter(c) || is_digit(c) || (octet != 0 && std::strchr("-._~", c) != nullptr)) {
    return "a path is compared with %" + std::string(digits) + " decoded: write '" + c + "'";
  }
  return {};
}

std::string segment_problem(std::string_view path) {
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment == "." || segment == "..") {
      return "'" + std::string(segment) + "' is removed from a path before it is compared";
    }
    if (slash == path.npos) return {};
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

std::string never_problem(std::string_view path) {
  constexpr std::string_view kNotInPaths = " \"<>\\`{}";
  for (size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == '?') return "the query is not part of the path";
    if (c == '#') return "the fragment stays in the browser";
    const bool foreign = static_cast<unsigned char>(c) <= 0x20 || (c & 0x80) != 0 || c == 0x7F;
    if (foreign || kNotInPaths.find(c) != kNotInPaths.npos) {
      return "a path comes with this octet encoded: write " + percent_encoded(c);
    }
    if (c != '%') continue;
    if (std::string problem = encoding_problem(path, i); !problem.empty()) return problem;
  }
  return segment_problem(path);
}

std::string octets_problem(std::string_view text) {
  for (size_t at = text.find('%'); at != text.npos; at = text.find('%', at + 1)) {
    const std::string_view digits = text.substr(at + 1, 2);
    if (digits.size() < 2 || !std::all_of(digits.begin(), digits.end(), is_hex)) {
      return "after '%' stand two digits of 0-9 and A-F; the sign itself is %25";
    }
  }
  const bool good = std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && (c & 0x80) == 0 && c != 0x7F && c != '"' &&
           c != '<' && c != '>' && c != '\\';
  });
  return good ? std::string() : "spaces, quotes and letters beyond ASCII are written as %XX";
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace sluice::conf
