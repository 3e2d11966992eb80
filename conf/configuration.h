// What a configuration says, as plain structs: the seam between the TOML reader and the server.
//
// The reader (conf/reader.h) makes one from a file with every error found, every default filled in
// and every inheritance resolved: a route here carries all that holds for it. `sluice serve` makes
// one by hand. Invariant of a Configuration that was read without errors: what its comments require
// holds, so that nothing behind it checks again.
//
// Values only; immutable once it is used. Any thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "conf/limits.h"

namespace sluice::conf {

// Where something was decided, as logs name it: "sites/blog.toml:12", or "command line". Empty: by
// default.
using Origin = std::string;

// Limits as they hold in one place, and which of them a file set, so that the log can name the
// line.
struct LimitSet {
  Limits values;
  std::vector<std::pair<std::string, Origin>> set;  // by name; few

  // Where the limit of this name was set; empty for a default.
  std::string_view origin_of(std::string_view name) const noexcept {
    for (const auto& [limit, origin] : set) {
      if (limit == name) return origin;
    }
    return {};
  }
};

// Whether `names`, as sites and certificates have them, hold this listener's: none are all.
inline bool names_listener(const std::vector<std::string>& names, std::string_view listener) {
  if (names.empty()) return true;
  for (const std::string& name : names) {
    if (name == listener) return true;
  }
  return false;
}

// One change to a response's fields. Rules apply in order, outer ones first; a `set` or `remove`
// undoes what stood there before.
struct FieldRule {
  enum class Action : uint8_t { set, add, remove };
  Action action = Action::set;
  std::string name;
  std::string value;  // empty for remove

  bool operator==(const FieldRule&) const = default;
};

// How long caches may use what lies below a path (RFC 9111 section 5.2.2). The first whose pattern
// matches the request's normalised path, or that of the file which answers it ("/" is /index.html,
// "/about" is /about.html), decides; the two built-in ones come last (cache/freshness.h).
struct CacheRule {
  enum class Storing : uint8_t {
    no_store,  // Cache-Control: no-store
    no_cache,  // Cache-Control: no-cache: kept, but asked about every time
    max_age,   // Cache-Control: max-age, and Expires consistent with it
    nothing,   // neither field
  };
  std::string match;  // a path pattern (conf/pattern.h), or a name such as "*.css"
  Storing storing = Storing::nothing;
  std::chrono::seconds max_age{0};
  bool immutable = false;         // RFC 8246; only with max_age
  bool private_response = false;  // Cache-Control: private
  Origin origin;

  bool operator==(const CacheRule&) const = default;
};

// Which paths a route answers. Compared with the normalised path.
struct PathMatch {
  enum class Kind : uint8_t {
    exact,    // the whole path
    prefix,   // "/docs/": the path starts with it; "/docs": also "/docs/...", not "/docsomething"
    pattern,  // `*` is any run of octets without '/', `**` any run; both are captured
  };
  Kind kind = Kind::prefix;
  std::string text = "/";
};

// Serves files below `root`, the path of the request being appended to it.
struct FilesAction {
  std::string root;        // absolute
  std::string strip = {};  // a prefix of the request's path that is not part of the file's
  std::vector<std::string> index{"index.html", "index.htm"};
  bool listing = false;
  bool follow_symlinks = false;
  bool clean_urls = false;  // "/about" is about.html
  bool spa = false;         // navigations to nothing get the root's first index file
  bool else_next = false;   // a path without a file goes on to the next route
};

// `to` may hold $1 to $9 (the route pattern's captures; for a prefix $1 is the rest of the path)
// and $query ("?..." as received, or nothing).
struct RedirectAction {
  int status = 302;  // 301, 302, 303, 307 or 308
  std::string to;
};
// The site's routes are matched again with the new path. Same captures; a '?' replaces the query.
struct RewriteAction {
  std::string to;
};
struct RespondAction {
  int status = 200;  // 200 to 599
  std::string body = {};
  std::string type = "text/plain; charset=utf-8";
};

// How an upstream's certificate is verified, and what is shown to it.
struct UpstreamTls {
  bool verify = true;
  std::string authorities;  // absolute path of a PEM file; empty: the system's
  std::string name;  // asked for (SNI) and expected in the certificate; empty: the target's host
  std::string certificate;  // shown when asked for one: absolute path of a PEM chain, or empty
  std::string key;          // its key: absolute path; may be the same file

  bool operator==(const UpstreamTls&) const = default;
};

// Where a proxy connects to. One of them is one upstream for the whole process: routes that name
// the same one share its connections, its health and its budget.
struct UpstreamTarget {
  // HTTP/1.1 or HTTP/2 (RFC 9113 section 3).
  enum class Http2 : uint8_t {
    negotiated,  // over TLS what ALPN says; in clear text HTTP/1.1
    always,      // without asking (prior knowledge); over TLS nothing else is offered
    never,
  };
  // What precedes the first request on a connection (the PROXY protocol of HAProxy).
  enum class ProxyProtocol : uint8_t { off, v1, v2 };

  // A name, an IPv4 address or an IPv6 one without brackets; a name that begins with '_'
  // ("_http._tcp.app.internal") is looked up as SRV (RFC 2782). Empty: `path`.
  std::string host;
  uint16_t port = 0;               // 0 only with SRV or a Unix socket
  std::string path;                // absolute path of a Unix socket; empty: TCP
  std::optional<UpstreamTls> tls;  // nothing: clear text
  Http2 http2 = Http2::negotiated;
  ProxyProtocol proxy_protocol = ProxyProtocol::off;

  bool operator==(const UpstreamTarget&) const = default;
};

// Gives requests to another server, the upstream, and what that answers to the client.
struct ProxyAction {
  // What the upstream is told in Host.
  enum class Host : uint8_t {
    kept,      // what the client asked for
    upstream,  // the target's host and port
    given,     // `host`
  };
  UpstreamTarget target;
  std::string to;     // the target as it was written, for people
  std::string strip;  // the beginning of the path that is taken away; as in FilesAction
  std::string base;  // what is put before the rest: "/v1"; without a slash at its end, may be empty
  Host host_is = Host::kept;
  std::string host;
  std::vector<FieldRule> fields;  // changes to the request's fields, after all others
  bool underscores = false;       // fields with '_' in their names go upstream, too
  // Content up to so many octets is read whole before the upstream is asked; 0: it streams.
  uint64_t buffer_request = 0;

  bool operator==(const ProxyAction&) const = default;
};
using Action = std::variant<FilesAction, RedirectAction, RewriteAction, RespondAction, ProxyAction>;

struct Route {
  PathMatch match;
  Action action;
  std::vector<FieldRule> fields;  // all that hold here: the file's, the site's, the route's
  std::vector<CacheRule> cache;   // in the order in which they are tried
  Origin origin;
};

// Certificates that clients are to show (RFC 8446 section 4.3.2).
struct ClientCertificates {
  enum class Mode : uint8_t {
    off,
    request,  // who shows none goes on without; one that does not verify is refused
    require,
  };
  Mode mode = Mode::off;
  std::string authorities;  // absolute path of a PEM file: whose certificates are taken
  Origin origin;

  bool operator==(const ClientCertificates&) const = default;
};

// Strict-Transport-Security (RFC 6797).
struct Hsts {
  std::chrono::seconds max_age{0};
  bool subdomains = false;  // includeSubDomains
  bool preload = false;
};

struct Site {
  std::string name;                    // for people: the first host, or what the file calls it
  std::vector<std::string> hosts;      // lower case, without port: "example.com" or "*.example.com"
  bool is_default = false;             // exactly one site of a configuration
  std::vector<std::string> listeners;  // names; empty: all
  std::vector<Route> routes;           // as written; server/http/route_table.h orders them
  // Status 400 to 599, 4 and 5 for a class -> path of a page below the folder of the last route,
  // which is a FilesAction where there are any: the site's `root`.
  std::map<int, std::string> error_pages;
  std::map<std::string, std::string> media_types;  // extension without dot, lower case -> type
  std::vector<FieldRule> fields;                   // of responses that no route made
  // Values of Link fields (RFC 8288), one link each, that a 103 (Early Hints) says before the
  // response does (RFC 8297).
  std::vector<std::string> early_hints;
  bool early_hints_to_all = false;  // else only requests of browsers that navigate
  bool push = false;  // over HTTP/2 what they preload is pushed (RFC 9113 section 8.4)
  LimitSet limits;
  bool redirect_to_https = false;  // what comes in clear text is sent to the same place over TLS
  std::optional<Hsts> hsts;        // said over TLS only (RFC 6797 section 7.2)
  // In place of what the listener asks for.
  std::optional<ClientCertificates> client_certificates;
  Origin origin;
};

// What a Host that no site names gets.
struct UnknownHost {
  int status = 0;  // 0: the default site; else 404 or 421
  Origin origin;
};

// A certificate with its key. Which names it is for, it says itself (subjectAltName).
struct Certificate {
  std::string chain;  // absolute path of a PEM file: the server's first, then what leads to a root
  std::string key;    // likewise; may be the same file
  std::vector<std::string> listeners;  // names, of such that speak TLS; empty: all of them
  // For clients that name no host, or one that no certificate is for. Of each listener at most one,
  // and one more with another kind of key; without any the first one is.
  bool is_default = false;
  Origin origin;
};

// How a listener speaks TLS.
struct Tls {
  // After Mozilla's guideline for servers (wiki.mozilla.org/Security/Server_Side_TLS).
  enum class Policy : uint8_t { modern, intermediate, legacy };
  Policy policy = Policy::intermediate;
  // A name that no certificate is for: refused (unrecognized_name), else the default certificate.
  bool refuse_unknown_names = false;
  // Absolute paths of files of 48 or 80 octets: the first encrypts tickets, all decrypt them.
  // Empty: keys of the process's own, that change every 12 hours.
  std::vector<std::string> ticket_keys;
  bool trace_handshakes = false;
  ClientCertificates client_certificates;
};

// "modern" and its like.
inline std::string_view policy_name(Tls::Policy policy) noexcept {
  switch (policy) {
    case Tls::Policy::modern:
      return "modern";
    case Tls::Policy::intermediate:
      return "intermediate";
    case Tls::Policy::legacy:
      return "legacy";
  }
  return {};
}

struct Listener {
  std::string name;        // "default", or what the file calls it
  std::string address;     // as server/net/listen_address.h reads it
  std::optional<Tls> tls;  // clear text without
  // "h2" is offered in TLS handshakes, and in clear text a client may begin with HTTP/2 (RFC 9113
  // sections 3.2 and 3.3).
  bool http2 = true;
  // Connections from `trusted_proxies` begin with the PROXY protocol's header, v1 or v2; others may
  // not.
  bool proxy_protocol = false;
  LimitSet limits;
  Origin origin;
};

// A block of addresses (RFC 4632); IPv4 as IPv4-mapped IPv6.
struct AddressBlock {
  std::array<uint8_t, 16> address{};
  uint8_t bits = 128;
};

struct Log {
  std::string access = "stdout";      // stdout, off or a path
  std::string format = "auto";        // auto, json, text, combined
  std::string errors = "stderr";      // stderr, off or a path
  std::string error_format = "text";  // text, json
  bool all_errors = false;            // also 4xx answers that no limit decided

  bool operator==(const Log&) const = default;
};

struct Configuration {
  std::vector<std::string> files;  // that were read, the main one first; empty when there was none
  size_t workers = 0;              // 0: one per usable CPU
  Log log;
  std::string control;  // path of the control socket; "off": none; empty: the default place
  // Whose X-Request-ID, Forwarded, X-Forwarded-* and X-Real-IP, and whose PROXY protocol, is
  // believed.
  std::vector<AddressBlock> trusted_proxies;
  UnknownHost unknown_host;
  LimitSet limits;                        // of the process; listeners and sites start from them
  std::vector<Certificate> certificates;  // at least one for each listener that speaks TLS
  std::vector<Listener> listeners;        // at least one
  std::vector<Site> sites;                // at least one
};

}  // namespace sluice::conf
