// Reading a listen address, and what people get wrong about one.
#include "conf/listen_address.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <charconv>
#include <optional>

namespace sluice::conf {

namespace {

constexpr std::string_view kUnixPrefix = "unix:";

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string malformed(std::string_view text, std::string_view why) {
  return quoted(text) + " is not a listen address: " + std::string(why);
}

std::string wrong_form(std::string_view text) {
  return malformed(
      text, "expected HOST:PORT, :PORT, [::1]:PORT or unix:/path, for example 127.0.0.1:8080");
}

std::optional<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, port);
  if (text.empty() || error != std::errc() || rest != end) return std::nullopt;
  return port;
}

std::string parse_unix(std::string_view text, ListenAddress& out) {
  const std::string_view path = text.substr(kUnixPrefix.size());
  if (path.empty()) return malformed(text, "expected a path, for example unix:/run/sluice.sock");
  if (path.find('\0') != std::string_view::npos) return malformed(text, "a path has no NUL");
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return malformed(text, "a Unix socket's path has at most " +
                               std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
                               " octets, and this one has " + std::to_string(path.size()));
  }
  out.family = ListenAddress::Family::unix_socket;
  out.host = path;
  out.port = 0;
  return {};
}

bool is_numeric(int family, const std::string& host) {
  in6_addr room;
  return inet_pton(family, host.c_str(), &room) == 1;
}

std::string parse_host(std::string_view text, std::string_view host, ListenAddress& out) {
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  std::string name(bracketed ? host.substr(1, host.size() - 2) : host);
  if (name == "localhost" && !bracketed) name = "127.0.0.1";
  if (bracketed || name.empty()) {
    if (bracketed && !is_numeric(AF_INET6, name)) {
      return malformed(text, quoted(name) + " is not an IPv6 address");
    }
    out.family = ListenAddress::Family::ipv6;
  } else if (is_numeric(AF_INET, name)) {
    out.family = ListenAddress::Family::ipv4;
  } else if (name.find(':') != std::string::npos) {
    return malformed(text, "an IPv6 address stands in brackets, for example [::1]:8080");
  } else {
    return malformed(
        text,
        quoted(name) + " is not an IP address (and no other name than localhost is looked up)");
  }
  out.host = std::move(name);
  return {};
}

}  // namespace

std::string parse_listen_address(std::string_view text, ListenAddress& out) {
  if (text.starts_with(kUnixPrefix)) return parse_unix(text, out);
  if (text.find("://") != std::string_view::npos) {
    return malformed(text, "leave the scheme away, for example 127.0.0.1:8080");
  }
  const size_t colon = text.rfind(':');
  // A colon inside of brackets is part of an address that has no port.
  const bool has_port = colon != std::string_view::npos && text.find(']', colon) == text.npos;
  const std::string_view port_text = has_port ? text.substr(colon + 1) : text;
  const std::string_view host = has_port ? text.substr(0, colon) : std::string_view("localhost");
  if (!has_port && port_text.find_first_not_of("0123456789") != text.npos) {
    return malformed(text, "it has no port, for example " + std::string(text) + ":8080");
  }
  const std::optional<uint16_t> port = parse_port(port_text);
  if (text.empty()) return wrong_form(text);
  if (!port) return malformed(text, "the port is a number from 0 (any free one) to 65535");
  out.port = *port;
  return parse_host(text, host, out);
}

}  // namespace sluice::conf
