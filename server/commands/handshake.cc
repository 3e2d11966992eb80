// The command line's words to a probe's options, and the report to standard output.
#include "server/commands/handshake.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "server/net/descriptor.h"
#include "server/ops/handshake_json.h"
#include "server/ops/handshake_probe.h"
#include "server/ops/handshake_text.h"

namespace sluice {

namespace {

constexpr int kUsage = 2;

int fail(const std::string& error) {
  std::fprintf(stderr, "sluice: error: %s\n", error.c_str());
  return kUsage;
}

bool is_port(std::string_view text) {
  const bool digits =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits && !text.empty() && text.size() <= 5;
}

// HOST, HOST:PORT, [V6], [V6]:PORT, V6; false when it is none of them. A scheme or a path, as they
// come from an address bar, is an error.
bool split_target(std::string_view target, std::string& host, std::string& port) {
  std::string_view rest;
  if (target.starts_with('[')) {
    const size_t end = target.find(']');
    if (end == std::string_view::npos) return false;
    host = target.substr(1, end - 1);
    rest = target.substr(end + 1);
  } else {
    const size_t colon = target.find(':');
    const bool is_ipv6 =
        colon != std::string_view::npos && target.find(':', colon + 1) != std::string_view::npos;
    host = is_ipv6 ? target : target.substr(0, colon);
    rest = is_ipv6 || colon == std::string_view::npos ? "" : target.substr(colon);
  }
  if (host.empty() || host.find('/') != std::string::npos) return false;
  if (rest.empty()) return true;
  port = rest.substr(1);
  return rest.front() == ':' && is_port(port);
}

bool is_address(const std::string& host) {
  std::array<uint8_t, 16> octets{};
  return ::inet_pton(AF_INET, host.c_str(), octets.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), octets.data()) == 1;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) items.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return items;
}

// The file for keys that the environment asks for, readable by its owner alone.
net::Descriptor open_key_log() {
  const char* const path = std::getenv("SSLKEYLOGFILE");
  if (path == nullptr || *path == '\0') return {};
  net::Descriptor file(::open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (file.get() < 0) {
    std::fprintf(stderr, "sluice: warning: keys are not logged: cannot write %s: %s\n", path,
                 std::strerror(errno));
  }
  return file;
}

ops::ProbeOptions probe_options(const HandshakeOptions& options) {
  ops::ProbeOptions probe{.resume = options.resume, .insecure = options.insecure};
  probe.tls.suites = options.suites;
  probe.tls.authorities = options.authorities;
  probe.tls.alpn = split_list(options.alpn);
  if (options.tls12 != options.tls13) {
    const uint16_t version = options.tls12 ? tls::kTls12 : tls::kTls13;
    probe.tls.oldest_version = probe.tls.newest_version = version;
  }
  return probe;
}

ops::TextStyle style_of_output() {
  ops::TextStyle style;
  if (::isatty(STDOUT_FILENO) != 1) return style;
  const char* const no_color = std::getenv("NO_COLOR");
  style.colours = no_color == nullptr || *no_color == '\0';
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    style.columns = size.ws_col;
  return style;
}

}  // namespace

int handshake(const HandshakeOptions& options) {
  ops::ProbeOptions probe = probe_options(options);
  if (!split_target(options.target, probe.host, probe.port)) {
    return fail("\"" + options.target + "\" is no HOST or HOST:PORT: write example.com, " +
                "example.com:8443 or [::1]:8443");
  }
  const bool by_address = is_address(probe.host);
  probe.server_name = !options.server_name.empty() ? options.server_name
                      : by_address                 ? std::string()
                                                   : probe.host;
  probe.expected_name = probe.server_name.empty() ? probe.host : probe.server_name;
  const net::Descriptor key_log = open_key_log();
  probe.tls.key_log = key_log.get();
  std::string error;
  const ops::ProbeReport report = ops::probe_handshake(probe, error);
  if (!error.empty()) return fail(error);
  const std::string text = options.json ? ops::handshake_json(report) + "\n"
                                        : ops::handshake_text(report, style_of_output());
  std::fwrite(text.data(), 1, text.size(), stdout);
  return report.succeeded() ? 0 : 1;
}

}  // namespace sluice
