// One pass over the message, one function for each extension that is of interest. What a message
// means is for OpenSSL to judge; here it must only be well-formed.
#include "tls/client_hello.h"

#include <algorithm>
#include <string_view>

#include "tls/octet_reader.h"

namespace sluice::tls {
namespace {

constexpr uint8_t kClientHello = 1;
constexpr size_t kLongestName = 253;  // RFC 1035 section 2.3.4, in text
constexpr size_t kLongestLabel = 63;

// IANA's TLS ExtensionType values.
enum Extension : uint16_t {
  server_name = 0,
  supported_groups = 10,
  signature_algorithms = 13,
  application_layer_protocol_negotiation = 16,
  session_ticket = 35,
  pre_shared_key = 41,
  early_data = 42,
  supported_versions = 43,
  key_share = 51,
};

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// Letters, digits and hyphens; underscores too, which names of services and containers have.
bool is_label(std::string_view label) {
  if (label.empty() || label.size() > kLongestLabel) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; });
}

bool is_number(std::string_view label) {
  return std::all_of(label.begin(), label.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Whether `name` (lower case) is a DNS host name and no address: no top-level domain is a number.
bool is_host_name(std::string_view name) {
  if (name.empty() || name.size() > kLongestName) return false;
  while (true) {
    const size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (!is_label(label)) return false;
    if (dot == std::string_view::npos) return !is_number(label);
    name.remove_prefix(dot + 1);
  }
}

// A list of code points, two octets each, that takes all of `list` and has at least one.
bool read_code_points(Octets list, std::vector<uint16_t>& out) {
  if (list.empty() || list.size() % 2 != 0) return false;
  OctetReader reader(list);
  out.reserve(std::min(list.size() / 2, ClientHello::kMostCodePoints));
  while (reader.more() && out.size() < ClientHello::kMostCodePoints) out.push_back(reader.u16());
  return true;
}

void keep_server_name(Octets octets, ClientHello& hello) {
  std::string name(octets.begin(), octets.end());
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  if (name.ends_with('.')) name.pop_back();
  hello.has_invalid_server_name = !is_host_name(name);
  if (!hello.has_invalid_server_name) hello.server_name = std::move(name);
}

// RFC 6066 section 3: a list, but of one host_name at most.
bool read_server_name(OctetReader& extension, ClientHello& hello) {
  OctetReader list(extension.vector16());
  bool seen = false;
  if (!list.more()) return false;
  while (list.more()) {
    const uint8_t type = list.u8();
    const Octets name = list.vector16();
    if (type != 0) continue;
    if (list.failed() || name.empty() || seen) return false;
    seen = true;
    keep_server_name(name, hello);
  }
  return !list.failed();
}

bool read_alpn(OctetReader& extension, ClientHello& hello) {
  hello.has_alpn = true;
  OctetReader list(extension.vector16());
  if (!list.more()) return false;
  while (list.more()) {
    const Octets name = list.vector8();
    if (name.empty()) return false;
    if (hello.alpn.size() < ClientHello::kMostProtocols) {
      hello.alpn.emplace_back(name.begin(), name.end());
    }
  }
  return !list.failed();
}

// Groups only: the keys are of no interest. A client may send none, to be asked for one.
bool read_key_shares(OctetReader& extension, ClientHello& hello) {
  OctetReader list(extension.vector16());
  while (list.more()) {
    const uint16_t group = list.u16();
    if (list.vector16().empty()) return false;
    if (hello.key_share_groups.size() < ClientHello::kMostCodePoints) {
      hello.key_share_groups.push_back(group);
    }
  }
  return !list.failed();
}

bool read_extension(uint16_t type, Octets octets, ClientHello& hello) {
  OctetReader reader(octets);
  switch (type) {
    case server_name:
      return read_server_name(reader, hello) && reader.done();
    case supported_groups:
      return read_code_points(reader.vector16(), hello.groups) && reader.done();
    case signature_algorithms:
      return read_code_points(reader.vector16(), hello.signature_schemes) && reader.done();
    case application_layer_protocol_negotiation:
      return read_alpn(reader, hello) && reader.done();
    case supported_versions:
      return read_code_points(reader.vector8(), hello.versions) && reader.done();
    case key_share:
      return read_key_shares(reader, hello) && reader.done();
    case session_ticket:
      hello.supports_tickets = true;
      hello.offers_ticket = !octets.empty();
      return true;
    case pre_shared_key:
      hello.offers_psk = true;
      return true;
    case early_data:
      hello.offers_early_data = true;
      return true;
    default:
      return true;
  }
}

// RFC 8446 section 4.2: no type twice. All that are read here are below 64; the others do not
// matter to us.
bool read_extensions(Octets octets, ClientHello& hello) {
  hello.has_extensions = true;
  OctetReader list(octets);
  uint64_t seen = 0;
  while (list.more()) {
    const uint16_t type = list.u16();
    const Octets body = list.vector16();
    const uint64_t bit = type < 64 ? uint64_t{1} << type : 0;
    if (list.failed() || (seen & bit) != 0 || !read_extension(type, body, hello)) return false;
    seen |= bit;
  }
  return !list.failed();
}

bool read_fields(OctetReader& body, ClientHello& hello) {
  hello.legacy_version = body.u16();
  const Octets random = body.take(hello.random.size());
  std::copy(random.begin(), random.end(), hello.random.begin());
  const Octets session_id = body.vector8();
  hello.session_id_size = session_id.size();
  if (session_id.size() > 32 || !read_code_points(body.vector16(), hello.suites)) return false;
  return !body.vector8().empty() && !body.failed();  // compression methods: null at least
}

}  // namespace

std::optional<ClientHello> parse_client_hello(std::span<const uint8_t> message) {
  OctetReader reader(message);
  const bool is_hello = reader.u8() == kClientHello;
  OctetReader body(reader.vector24());
  ClientHello hello;
  if (!is_hello || !reader.done() || !read_fields(body, hello)) return std::nullopt;
  if (body.more() && !read_extensions(body.vector16(), hello)) return std::nullopt;
  if (!body.done()) return std::nullopt;
  return hello;
}

uint16_t ClientHello::newest_version() const {
  uint16_t newest = 0;
  for (const uint16_t version : versions) {
    if (!is_grease(version)) newest = std::max(newest, version);
  }
  return newest != 0 ? newest : legacy_version;
}

}  // namespace sluice::tls
