// Taking a URL apart, and what people get wrong about one.
#include "conf/upstream_url.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "conf/reading/value.h"

namespace sluice::conf {

namespace {

using Problem = std::optional<UpstreamProblem>;

constexpr std::string_view kSocket = "unix:";
constexpr std::string_view kForms =
    "expected http://HOST:PORT, https://HOST:PORT or unix:/path, for example http://127.0.0.1:3000";

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

Problem problem(Code code, std::string message, std::string note = {}, std::string_view part = {}) {
  return UpstreamProblem{code, std::move(message), std::move(note), std::string(part)};
}

// --- Unix sockets --------------------------------------------------------------------------------

Problem parse_socket(std::string_view text, const std::string& folder, FileSource& files,
                     UpstreamUrl& out) {
  const std::string path(text.substr(kSocket.size()));
  const auto wrong = [&](const std::string& why, std::string note = {}) {
    return problem(Code::bad_upstream_path, quoted(text) + " names no socket: " + why,
                   std::move(note));
  };
  if (path.empty()) return wrong("the path is missing", "for example unix:/run/app.sock");
  if (path.ends_with('/')) return wrong("the path is that of a folder");
  out.target.path = files.absolute(path.starts_with('/') ? path : folder + path);
  constexpr size_t kMost = sizeof(sockaddr_un::sun_path) - 1;
  if (out.target.path.size() <= kMost) return std::nullopt;
  return wrong("a socket's path has at most " + std::to_string(kMost) +
               " octets, and this one has " + std::to_string(out.target.path.size()));
}

// --- Schemes -------------------------------------------------------------------------------------

// A text is suggested only when it would do.
std::string suggestion(const std::string& text, FileSource& files) {
  UpstreamUrl room;
  const bool good = !parse_upstream(text, "/", files, room);
  return good ? "did you mean " + text + "?" : std::string(kForms);
}

std::string with_scheme(std::string_view text) {
  const std::string all(text);
  for (const std::string_view scheme : {"http:", "https:"}) {
    if (!lower(text).starts_with(scheme)) continue;
    const size_t rest = text.find_first_not_of('/', scheme.size());
    return std::string(scheme) + "//" + (rest == text.npos ? "" : all.substr(rest));
  }
  if (text.starts_with("//")) return "http:" + all;
  if (text.starts_with('/')) return "unix:" + all;
  if (text.starts_with(':')) return "http://127.0.0.1" + all;
  const bool port = text.find_first_not_of("0123456789") == text.npos;
  if (port) return "http://127.0.0.1:" + all;
  return (text.ends_with(":443") ? "https://" : "http://") + all;
}

// What is written for other schemes that people know.
struct Scheme {
  std::string_view name;
  std::string_view instead;
  std::string_view beside = {};
};
constexpr std::array kSchemes = {
    Scheme{"ws", "http"},
    Scheme{"wss", "https"},
    Scheme{"tcp", "http"},
    Scheme{"h2c", "http", " and http2 = \"always\""},
    Scheme{"grpc", "http", " and http2 = \"always\""},
    Scheme{"h2", "https", " and http2 = \"always\""},
    Scheme{"grpcs", "https", " and http2 = \"always\""},
};

Problem unknown_scheme(std::string_view text, const std::string& scheme) {
  const std::string_view rest = text.substr(scheme.size());
  const auto known = std::find_if(kSchemes.begin(), kSchemes.end(),
                                  [&](const Scheme& one) { return one.name == scheme; });
  std::string note(kForms);
  if (known != kSchemes.end()) {
    note = "write " + std::string(known->instead) + std::string(rest) + std::string(known->beside);
  }
  return problem(Code::unknown_upstream_scheme,
                 quoted(scheme + "://") + " is spoken to no upstream: only HTTP is",
                 std::move(note), text.substr(0, scheme.size()));
}

// --- Hosts and ports -----------------------------------------------------------------------------

bool is_ipv4(const std::string& host) {
  in_addr room;
  return inet_pton(AF_INET, host.c_str(), &room) == 1;
}

// RFC 2782: _SERVICE._PROTOCOL.NAME.
std::string srv_problem(std::string_view host) {
  const size_t protocol = host.find('.');
  const bool second = protocol != host.npos && host.substr(protocol + 1).starts_with('_');
  const size_t name = second ? host.find('.', protocol + 1) : host.npos;
  if (name != host.npos) return host_problem(host);
  return "one that begins with '_' is looked up as SRV: _http._tcp.NAME";
}

// Whether some would read it as an IPv4 address though it is none as it is written: "127.1".
bool ends_in_number(std::string_view host) {
  const std::string_view last = host.substr(host.rfind('.') + 1);
  return last.starts_with("0x") || last.find_first_not_of("0123456789") == last.npos;
}

// Requires: lower case.
std::string name_problem(const std::string& host) {
  if (host.empty()) return "a name has at least one letter";
  if (host.find('*') != host.npos) return "it is written out, without wildcards";
  if (host.starts_with('_')) return srv_problem(host);
  if (std::string wrong = host_problem(host); !wrong.empty()) return wrong;
  if (!is_ipv4(host) && ends_in_number(host)) return "an IPv4 address has four numbers up to 255";
  return {};
}

Problem bad_host(std::string_view host, const std::string& why, std::string note = {}) {
  std::string message = host.empty() ? "the host is missing" : quoted(host) + " is no host: " + why;
  return problem(Code::bad_upstream_host, std::move(message), std::move(note), host);
}

Problem parse_port(std::string_view text, bool srv, UpstreamUrl& out) {
  if (srv) {
    return problem(Code::bad_upstream_port, "the port " + quoted(text) + " has no meaning here",
                   "SRV, by which a host that begins with '_' is looked up, says the port", text);
  }
  unsigned port = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, port);
  const bool number = !text.empty() && error == std::errc() && rest == end;
  if (!number || port == 0 || port > 65535) {
    return problem(
        Code::bad_upstream_port,
        text.empty() ? "there is no port behind ':'" : "the port is " + quoted(text),
        std::string("expected 1 to 65535; without one it is ") + (out.target.tls ? "443" : "80"),
        text);
  }
  out.target.port = static_cast<uint16_t>(port);
  return std::nullopt;
}

Problem parse_authority(std::string_view authority, std::string_view text, UpstreamUrl& out) {
  const bool brackets = authority.starts_with('[');
  const size_t colon = authority.find(':', brackets ? authority.find(']') : 0);
  const std::string_view written = authority.substr(0, colon);
  std::string host = lower(written);
  if (host == "unix" && colon + 1 == authority.size()) {
    const std::string path(text.substr(text.find("unix:")));
    return bad_host(written, "a socket has no scheme", "did you mean " + path + "?");
  }
  if (!brackets && std::count(authority.begin(), authority.end(), ':') > 1) {
    return bad_host(authority, "an IPv6 address stands in brackets: http://[::1]:3000");
  }
  if (const std::string wrong = name_problem(host); !wrong.empty()) {
    return bad_host(written, wrong, host.empty() ? std::string(kForms) : "");
  }
  const bool srv = host.starts_with('_');
  out.target.host = brackets ? host.substr(1, host.size() - 2) : std::move(host);
  if (colon != authority.npos) return parse_port(authority.substr(colon + 1), srv, out);
  out.target.port = srv ? 0 : out.target.tls ? 443 : 80;
  return std::nullopt;
}

// --- What stands behind --------------------------------------------------------------------------

std::string segments_problem(std::string_view path) {
  while (!path.empty()) {
    const size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment == "." || segment == "..") {
      return "write it without " + quoted(segment) + ", which no path keeps";
    }
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
  }
  return {};
}

bool has_capture(std::string_view path) {
  for (size_t at = path.find('$'); at != path.npos; at = path.find('$', at + 1)) {
    const std::string_view rest = path.substr(at + 1);
    if (rest.starts_with("query") || (!rest.empty() && rest[0] >= '1' && rest[0] <= '9'))
      return true;
  }
  return false;
}

Problem parse_base(std::string_view path, UpstreamUrl& out) {
  std::string wrong = octets_problem(path);
  if (wrong.empty()) wrong = segments_problem(path);
  std::string note;
  if (wrong.empty() && has_capture(path)) {
    wrong = "captures mean nothing here";
    note = "`strip` takes the beginning of a request's path away; `rewrite` makes another path";
  }
  if (!wrong.empty()) {
    return problem(Code::bad_upstream_path,
                   "the path " + quoted(path) + " cannot be sent: " + wrong, std::move(note), path);
  }
  while (path.ends_with('/')) path.remove_suffix(1);
  out.base = path;
  return std::nullopt;
}

Problem surplus(std::string_view authority, std::string_view path) {
  if (const size_t at = authority.rfind('@'); at != authority.npos) {
    return problem(Code::upstream_with_userinfo, "names and passwords have no place in it",
                   "say them in a field: fields.set = { Authorization = \"Basic ...\" }",
                   authority.substr(0, at));
  }
  const size_t end = path.find_first_of("?#");
  if (end == path.npos) return std::nullopt;
  const bool query = path[end] == '?';
  return problem(query ? Code::upstream_with_query : Code::upstream_with_fragment,
                 query ? "it has a query, but that comes from the request"
                       : "it has a fragment, which is never sent",
                 "leave '" + std::string(path.substr(end)) + "' away", path.substr(end));
}

}  // namespace

std::optional<UpstreamProblem> parse_upstream(std::string_view text, const std::string& folder,
                                              FileSource& files, UpstreamUrl& out) {
  if (lower(text).starts_with(kSocket)) return parse_socket(text, folder, files, out);
  const size_t colon = text.find("://");
  if (text.empty())
    return problem(Code::upstream_without_scheme, "it is empty", std::string(kForms));
  if (colon == text.npos || colon == 0) {
    return problem(Code::upstream_without_scheme, quoted(text) + " has no scheme",
                   suggestion(with_scheme(text), files));
  }
  const std::string scheme = lower(text.substr(0, colon));
  if (scheme == "https") out.target.tls.emplace();
  if (scheme != "https" && scheme != "http") return unknown_scheme(text, scheme);
  const std::string_view rest = text.substr(colon + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  const std::string_view path = rest.substr(authority.size());
  if (Problem wrong = surplus(authority, path)) return wrong;
  if (Problem wrong = parse_authority(authority, text, out)) return wrong;
  return parse_base(path, out);
}

std::string parse_sent_host(std::string_view text, ProxyAction& action) {
  action.host_is = ProxyAction::Host::kept;
  if (text == "keep") return {};
  if (text == "upstream") {
    action.host_is = ProxyAction::Host::upstream;
    return action.target.path.empty() ? std::string() : "a Unix socket has no name to say";
  }
  action.host_is = ProxyAction::Host::given;
  action.host = lower(text);
  const std::string_view all = action.host;
  if (all.find('/') != all.npos) return host_problem(all);
  const size_t colon = all.find(':', all.starts_with('[') ? all.find(']') : 0);
  UpstreamUrl room;
  if (colon != all.npos && parse_port(all.substr(colon + 1), false, room)) {
    return "a port is a number from 1 to 65535";
  }
  const std::string_view host = all.substr(0, colon);
  return host.starts_with('*') ? "it is written out, without wildcards" : host_problem(host);
}

}  // namespace sluice::conf
