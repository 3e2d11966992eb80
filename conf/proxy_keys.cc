// The tables about upstreams.
#include "conf/proxy_keys.h"

#include <array>
#include <string_view>

namespace sluice::conf {

namespace {

constexpr std::array<std::string_view, 3> kHttp2 = {"negotiated", "always", "never"};
constexpr std::array<std::string_view, 3> kProxyProtocol = {"off", "v1", "v2"};

// --- Request fields ------------------------------------------------------------------------------

constexpr Key kValue{.name = "*", .about = "The field's value.", .example = "\"shop\""};
constexpr Table kSet{"fields.set of proxy", {}, &kValue};
constexpr Key kValues{.name = "*",
                      .forms = kString | kStrings,
                      .about = "The field's value, or several of them.",
                      .example = "[\"one\", \"two\"]"};
constexpr Table kAdd{"fields.add of proxy", {}, &kValues};

constexpr std::array kFieldKeys = {
    Key{.name = "set",
        .forms = kTable,
        .about = "Fields that replace those of the same name.",
        .table = &kSet},
    Key{.name = "add",
        .forms = kTable,
        .about = "Fields that join those of the same name.",
        .table = &kAdd},
    Key{.name = "remove",
        .forms = kString | kStrings,
        .about = "Names of fields to take away; done first, so that the same table may set anew.",
        .example = "[\"Cookie\"]"},
};
constexpr Table kFields{"fields of proxy", kFieldKeys};

// --- TLS -----------------------------------------------------------------------------------------

constexpr std::array kTlsKeys = {
    Key{.name = "verify",
        .forms = kBoolean,
        .fallback = "true",
        .about = "The upstream's certificate is verified: who signed it, and for which name."},
    Key{.name = "authorities",
        .fallback = "those of the system",
        .about = "A PEM file with the certificates of those whose signature is taken.",
        .example = "\"certs/internal.pem\""},
    Key{.name = "name",
        .fallback = "the host of `to`",
        .about = "The name to ask for, and to expect in the certificate.",
        .example = "\"app.example.com\""},
    Key{.name = "certificate",
        .fallback = "none is shown",
        .about = "A PEM file with the certificate to show when asked for one, and those that lead "
                 "to a root.",
        .example = "\"certs/client.pem\""},
    Key{.name = "key",
        .about = "A PEM file with its private key, without a password; may be the same file.",
        .example = "\"certs/client.key\""},
};
constexpr Table kTls{"tls of proxy", kTlsKeys};

// --- The table -----------------------------------------------------------------------------------

constexpr std::array kKeys = {
    Key{.name = "to",
        .about = "Where to: http:// or https:// with a host, maybe a port, and maybe a path that "
                 "is put before the request's; or unix: with a socket's path. A host such as "
                 "_http._tcp.app.internal is looked up as SRV.",
        .example = "\"http://127.0.0.1:3000\"",
        .required = true,
        .pattern = kProxy.pattern},
    Key{.name = "strip",
        .fallback = "\"\"",
        .about = "The beginning of the path that is taken away.",
        .example = "\"/app\""},
    Key{.name = "host",
        .fallback = "\"keep\"",
        .about = "What the upstream is told in Host: \"keep\" is what the client asked for, "
                 "\"upstream\" the host of `to`; or a name.",
        .example = "\"app.example.com\""},
    Key{.name = "http2",
        .fallback = "\"negotiated\"",
        .about = "HTTP/2: \"negotiated\" over TLS (ALPN) and not in clear text; \"always\", "
                 "without asking; \"never\".",
        .choices = kHttp2},
    Key{.name = "fields",
        .forms = kTable,
        .about = "Changes to the request's fields, after all others.",
        .table = &kFields},
    Key{.name = "underscores",
        .forms = kBoolean,
        .fallback = "false",
        .about = "Fields with '_' in their names are passed on, too. Many applications cannot tell "
                 "them from those with '-'."},
    Key{.name = "buffer_request",
        .forms = kInteger | kString,
        .fallback = "0: it streams",
        .about = "Content up to so many octets is read whole before the upstream is asked, for "
                 "servers with few processes.",
        .example = "\"1 MiB\""},
    Key{.name = "proxy_protocol",
        .fallback = "\"off\"",
        .about = "The PROXY protocol's header comes first on each connection, and says who the "
                 "client is.",
        .choices = kProxyProtocol},
    Key{.name = "tls",
        .forms = kTable,
        .fallback = "for https:// verified, with the system's authorities",
        .about = "How TLS is spoken to it, with https://; with unix: it is spoken only if this "
                 "stands here.",
        .table = &kTls},
};

}  // namespace

constinit const Table kProxyTable{"proxy", kKeys};

}  // namespace sluice::conf
