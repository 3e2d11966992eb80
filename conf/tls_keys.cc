// The tables about TLS.
#include "conf/tls_keys.h"

#include <array>
#include <string_view>

namespace sluice::conf {

namespace {

constexpr std::array<std::string_view, 3> kPolicies = {"modern", "intermediate", "legacy"};
constexpr std::array<std::string_view, 2> kUnknownName = {"default", "refuse"};
constexpr std::array<std::string_view, 2> kModes = {"request", "require"};
constexpr std::array<std::string_view, 3> kSiteModes = {"off", "request", "require"};

constexpr std::array kCertificateKeys = {
    Key{.name = "chain",
        .about = "A PEM file: the server's certificate first, then those that lead to a root. "
                 "Which names it is for, it says itself.",
        .example = "\"certs/site.pem\"",
        .required = true},
    Key{.name = "key",
        .about = "A PEM file with its private key, without a password; may be the same file.",
        .example = "\"certs/site.key\"",
        .required = true},
    Key{.name = "listeners",
        .forms = kString | kStrings,
        .fallback = "all that speak TLS",
        .about = "The names of the listeners that show it.",
        .example = "[\"public\"]"},
    Key{.name = "default",
        .forms = kBoolean,
        .fallback = "the first one of a listener, when none says so",
        .about = "For clients that name no host, or one that no certificate is for. Of those of "
                 "a listener one may say so, or two with different kinds of keys (ECDSA and RSA)."},
};
constexpr Table kCertificate{"[[certificate]]", kCertificateKeys};

// --- Client certificates -------------------------------------------------------------------------

constexpr std::string_view kMode =
    "\"request\": who shows none goes on without, one that does not verify is refused; "
    "\"require\": nobody goes on without.";
constexpr std::string_view kAuthorities =
    "A PEM file with the certificates of those whose signature is taken.";

constexpr std::array kListenerClientKeys = {
    Key{.name = "mode",
        .about = kMode,
        .choices = kModes,
        .example = "\"require\"",
        .required = true},
    Key{.name = "authorities",
        .about = kAuthorities,
        .example = "\"certs/clients.pem\"",
        .required = true},
};
constexpr Table kListenerClients{"client_certificates of a listener's tls", kListenerClientKeys};

constexpr std::array kSiteClientKeys = {
    Key{.name = "mode",
        .about = "As in a listener's tls, or \"off\": what the listener asks for does not hold "
                 "here.",
        .choices = kSiteModes,
        .example = "\"require\"",
        .required = true},
    Key{.name = "authorities",
        .fallback = "none: only \"off\" goes without",
        .about = kAuthorities,
        .example = "\"certs/clients.pem\""},
};
constexpr Table kSiteClients{"client_certificates of [[site]]", kSiteClientKeys};

// --- How a listener speaks TLS -------------------------------------------------------------------

constexpr std::array kTlsKeys = {
    Key{.name = "policy",
        .fallback = "\"intermediate\"",
        .about =
            "Which versions and suites: \"modern\" is TLS 1.3 alone, \"intermediate\" 1.2 "
            "and 1.3 with forward secrecy, as Mozilla's guideline for servers lists them; "
            "\"legacy\" adds TLS 1.0, 1.1 and RSA key transport, for teaching and old clients.",
        .choices = kPolicies},
    Key{.name = "unknown_name",
        .fallback = "\"default\"",
        .about = "What a client gets that names a host which no certificate is for: the default "
                 "certificate, or with \"refuse\" an alert (unrecognized_name).",
        .choices = kUnknownName},
    Key{.name = "ticket_keys",
        .forms = kString | kStrings,
        .fallback = "keys of this process, which change every 12 hours",
        .about = "Files of 48 or 80 random octets, for machines that share sessions: the first "
                 "one encrypts tickets, all decrypt them.",
        .example = "[\"tickets/new.key\", \"tickets/old.key\"]"},
    Key{.name = "trace_handshakes",
        .forms = kBoolean,
        .fallback = "false",
        .about = "Each message of each handshake is logged, without secrets."},
    Key{.name = "client_certificates",
        .forms = kTable,
        .fallback = "none are asked for",
        .about = "Certificates that clients are to show.",
        .table = &kListenerClients},
};
constexpr Table kTls{"tls of [[listener]]", kTlsKeys};

constexpr std::array kHstsKeys = {
    Key{.name = "max_age",
        .fallback = "\"365d\"",
        .about = "For how long browsers remember it: \"30s\", \"10m\", \"12h\", \"365d\"; "
                 "\"0s\" makes them forget.",
        .example = "\"365d\"",
        .pattern = "^[0-9]+[smhd]$"},
    Key{.name = "subdomains",
        .forms = kBoolean,
        .fallback = "false",
        .about = "It holds for all names below the hosts, too (includeSubDomains)."},
    Key{.name = "preload",
        .forms = kBoolean,
        .fallback = "false",
        .about = "Browsers may ship the hosts in their lists (hstspreload.org), which is hard to "
                 "undo."},
};
constexpr Table kHsts{"hsts", kHstsKeys};

}  // namespace

const Table& certificate_table() noexcept { return kCertificate; }
const Table& tls_table() noexcept { return kTls; }
const Table& site_client_certificates_table() noexcept { return kSiteClients; }
const Table& hsts_table() noexcept { return kHsts; }

}  // namespace sluice::conf
