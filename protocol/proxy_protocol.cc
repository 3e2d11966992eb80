// Reading and writing headers of the PROXY protocol.
//
// A header is short and comes in one piece but for rare cases, so each reading begins anew: there
// is no state that could be wrong, and how the octets were cut cannot matter.
#include "protocol/proxy_protocol.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace sluice {
namespace {

using namespace std::string_view_literals;
using Command = ProxyHeader::Command;
using Family = ProxyHeader::Family;
using Status = ProxyReading::Status;

constexpr std::string_view kV1Begin = "PROXY "sv;
constexpr std::string_view kV2Begin = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr size_t kV2Fixed = 16;
constexpr size_t kUnixAddresses = 216;
constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

ProxyReading malformed(std::string_view cause) noexcept {
  return {.status = Status::malformed, .cause = cause};
}

ProxyReading complete(size_t size, const ProxyHeader& header) noexcept {
  return {.status = Status::complete, .size = size, .header = header};
}

uint8_t octet_at(std::string_view octets, size_t at) noexcept {
  return static_cast<uint8_t>(octets[at]);
}

uint16_t u16_at(std::string_view octets, size_t at) noexcept {
  return static_cast<uint16_t>(octet_at(octets, at) << 8 | octet_at(octets, at + 1));
}

// --- Version 1 ---------------------------------------------------------------------------------

// inet_pton() refuses leading zeros of IPv4, and takes each way to write an IPv6 address.
bool read_address(int family, std::string_view text, std::array<uint8_t, 16>& octets) noexcept {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) return false;
  text.copy(terminated.data(), text.size());
  if (family == AF_INET6) return ::inet_pton(AF_INET6, terminated.data(), octets.data()) == 1;
  std::copy(std::begin(kMappedPrefix), std::end(kMappedPrefix), octets.begin());
  return ::inet_pton(AF_INET, terminated.data(), octets.data() + sizeof kMappedPrefix) == 1;
}

// Decimal, without leading zeros.
bool read_port(std::string_view text, uint16_t& port) noexcept {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, port);
  return error == std::errc() && at == end;
}

// Takes what stands before the next space, which goes, too.
std::string_view take_word(std::string_view& rest) noexcept {
  const size_t space = rest.find(' ');
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
  return word;
}

// "SOURCE DESTINATION SOURCE-PORT DESTINATION-PORT", and nothing else.
bool read_endpoints(int family, std::string_view text, ProxyHeader& header) noexcept {
  // A space at the end would be taken for the one before nothing.
  if (std::count(text.begin(), text.end(), ' ') != 3) return false;
  return read_address(family, take_word(text), header.source.address) &&
         read_address(family, take_word(text), header.destination.address) &&
         read_port(take_word(text), header.source.port) &&
         read_port(take_word(text), header.destination.port);
}

// The line without its beginning and CRLF.
bool read_line(std::string_view line, ProxyHeader& header) noexcept {
  // What follows UNKNOWN is to be ignored, whatever it is.
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return true;
  const std::string_view protocol = take_word(line);
  if (protocol != "TCP4" && protocol != "TCP6") return false;
  header.family = protocol == "TCP4" ? Family::ipv4 : Family::ipv6;
  return read_endpoints(header.family == Family::ipv4 ? AF_INET : AF_INET6, line, header);
}

ProxyReading read_v1(std::string_view octets) noexcept {
  octets = octets.substr(0, kProxyV1Most);
  const size_t end = octets.find_first_of("\r\n");
  if (end == std::string_view::npos || end + 1 == kProxyV1Most) {
    if (octets.size() == kProxyV1Most) return malformed("PROXY protocol header too long");
    return {};
  }
  if (octets[end] == '\n') return malformed("malformed PROXY protocol header");
  if (end + 1 == octets.size()) return {};
  ProxyHeader header;
  if (octets[end + 1] != '\n' ||
      !read_line(octets.substr(kV1Begin.size(), end - kV1Begin.size()), header))
    return malformed("malformed PROXY protocol header");
  return complete(end + 2, header);
}

// --- Version 2 ---------------------------------------------------------------------------------

// CRC-32C (RFC 9260 appendix A), bit by bit: at most 536 octets once a connection, and only from
// senders that ask for it. `zeros` is where the checksum itself stands, which counts as zeros.
uint32_t checksum(std::string_view octets, size_t zeros) noexcept {
  uint32_t remainder = 0xffffffffU;
  for (size_t i = 0; i < octets.size(); ++i) {
    if (i < zeros || i >= zeros + 4) remainder ^= octet_at(octets, i);
    for (int bit = 0; bit < 8; ++bit)
      remainder = remainder >> 1U ^ ((remainder & 1U) != 0 ? 0x82f63b78U : 0U);
  }
  return ~remainder;
}

// Type, length and value after value, to the header's very end. Empty, or what is wrong.
std::string_view check_tlvs(std::string_view header, size_t at) noexcept {
  constexpr uint8_t kChecksum = 0x03;
  while (at < header.size()) {
    if (header.size() - at < 3) return "malformed PROXY protocol header";
    const uint8_t type = octet_at(header, at);
    const size_t length = u16_at(header, at + 1);
    at += 3;
    if (length > header.size() - at) return "malformed PROXY protocol header";
    if (type == kChecksum) {
      if (length != 4) return "malformed PROXY protocol header";
      const uint32_t said =
          static_cast<uint32_t>(u16_at(header, at)) << 16U | u16_at(header, at + 2);
      if (said != checksum(header, at)) return "PROXY protocol header with a wrong checksum";
    }
    at += length;
  }
  return {};
}

// Address family and transport. Datagrams do not come over a stream.
std::optional<Family> family_of(uint8_t octet) noexcept {
  switch (octet) {
    case 0x00:
      return Family::unknown;
    case 0x11:
      return Family::ipv4;
    case 0x21:
      return Family::ipv6;
    case 0x31:
      return Family::unix_socket;
    default:
      return std::nullopt;
  }
}

size_t addresses_size(Family family) noexcept {
  switch (family) {
    case Family::unknown:
      break;
    case Family::ipv4:
      return 12;
    case Family::ipv6:
      return 36;
    case Family::unix_socket:
      return kUnixAddresses;
  }
  return 0;
}

// `octets`: both addresses, then both ports.
void copy_endpoints(std::string_view octets, ProxyHeader& header) noexcept {
  const size_t size = header.family == Family::ipv4 ? 4 : 16;
  for (ProxyEndpoint* const one : {&header.source, &header.destination}) {
    const size_t at = one == &header.source ? 0 : size;
    if (size == 4)
      std::copy(std::begin(kMappedPrefix), std::end(kMappedPrefix), one->address.begin());
    std::memcpy(one->address.data() + 16 - size, octets.data() + at, size);
    one->port = u16_at(octets, 2 * size + (at == 0 ? 0 : 2));
  }
}

// Of PROXY, all octets of which are there.
ProxyReading read_block(std::string_view octets, Family family) noexcept {
  ProxyHeader header{.family = family};
  // Of a family that it does not know a sender may say what it likes.
  if (family == Family::unknown) return complete(octets.size(), header);
  const size_t addresses = addresses_size(family);
  if (octets.size() < kV2Fixed + addresses) return malformed("malformed PROXY protocol header");
  if (const std::string_view flaw = check_tlvs(octets, kV2Fixed + addresses); !flaw.empty())
    return malformed(flaw);
  if (family != Family::unix_socket) copy_endpoints(octets.substr(kV2Fixed), header);
  return complete(octets.size(), header);
}

ProxyReading read_v2(std::string_view octets) noexcept {
  if (octets.size() <= 12) return {};
  const uint8_t command = octet_at(octets, 12);
  if (command != 0x20 && command != 0x21) return malformed("malformed PROXY protocol header");
  const bool local = command == 0x20;
  if (octets.size() <= 13) return {};
  const std::optional<Family> family = family_of(octet_at(octets, 13));
  // LOCAL: the family is to be ignored, and so is the rest.
  if (!local && !family) return malformed("malformed PROXY protocol header");
  if (octets.size() < kV2Fixed) return {};
  const size_t size = kV2Fixed + u16_at(octets, 14);
  if (size > kProxyHeaderMost) return malformed("PROXY protocol header too long");
  if (octets.size() < size) return {};
  if (local) return complete(size, {.command = Command::local});
  return read_block(octets.substr(0, size), *family);
}

}  // namespace

std::optional<ProxyEndpoint> ProxyEndpoint::parse(std::string_view address, uint16_t port) {
  ProxyEndpoint endpoint{.port = port};
  const int family = address.find(':') == std::string_view::npos ? AF_INET : AF_INET6;
  if (!read_address(family, address, endpoint.address)) return std::nullopt;
  return endpoint;
}

bool ProxyEndpoint::is_ipv4() const noexcept {
  return std::equal(std::begin(kMappedPrefix), std::end(kMappedPrefix), address.begin());
}

ProxyHeader ProxyHeader::of(const std::optional<ProxyEndpoint>& source,
                            const std::optional<ProxyEndpoint>& destination) {
  if (!source || !destination) return {};
  const bool ipv4 = source->is_ipv4() && destination->is_ipv4();
  return {
      .family = ipv4 ? Family::ipv4 : Family::ipv6, .source = *source, .destination = *destination};
}

ProxyReading read_proxy_header(std::string_view octets) noexcept {
  const auto may_begin = [octets](std::string_view begin) {
    return octets.substr(0, begin.size()) == begin.substr(0, octets.size());
  };
  if (octets.empty()) return {};
  if (may_begin(kV1Begin))
    return octets.size() < kV1Begin.size() ? ProxyReading{} : read_v1(octets);
  if (may_begin(kV2Begin)) return read_v2(octets);
  return malformed("no PROXY protocol header");
}

size_t write_proxy_v1(const ProxyHeader& header, std::span<char, kProxyV1Most> out) noexcept {
  char* at = out.data();
  const auto put = [&at](std::string_view text) { at += text.copy(at, text.size()); };
  const bool ipv4 = header.family == Family::ipv4;
  put(kV1Begin);
  if (header.command == Command::local || (!ipv4 && header.family != Family::ipv6)) {
    put("UNKNOWN\r\n");
    return static_cast<size_t>(at - out.data());
  }
  put(ipv4 ? "TCP4" : "TCP6");
  for (const ProxyEndpoint* const one : {&header.source, &header.destination}) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(ipv4 ? AF_INET : AF_INET6, one->address.data() + (ipv4 ? sizeof kMappedPrefix : 0),
                text.data(), text.size());
    put(" ");
    put(text.data());
  }
  for (const ProxyEndpoint* const one : {&header.source, &header.destination}) {
    put(" ");
    at = std::to_chars(at, out.data() + out.size(), one->port).ptr;
  }
  put("\r\n");
  return static_cast<size_t>(at - out.data());
}

size_t write_proxy_v2(const ProxyHeader& header, std::span<char, kProxyV2Written> out) noexcept {
  char* at = out.data();
  const auto put = [&at](unsigned octet) { *at++ = static_cast<char>(octet); };
  const bool local = header.command == Command::local;
  const bool ipv4 = header.family == Family::ipv4;
  const bool named = !local && (ipv4 || header.family == Family::ipv6);
  const size_t size = named ? addresses_size(header.family) : 0;
  at += kV2Begin.copy(at, kV2Begin.size());
  put(local ? 0x20 : 0x21);
  put(!named ? 0x00 : ipv4 ? 0x11 : 0x21);
  put(0);
  put(static_cast<unsigned>(size));
  if (!named) return kV2Fixed;
  for (const ProxyEndpoint* const one : {&header.source, &header.destination})
    at =
        std::copy(one->address.begin() + (ipv4 ? sizeof kMappedPrefix : 0), one->address.end(), at);
  for (const ProxyEndpoint* const one : {&header.source, &header.destination}) {
    put(one->port >> 8U);
    put(one->port & 0xffU);
  }
  return kV2Fixed + size;
}

}  // namespace sluice
