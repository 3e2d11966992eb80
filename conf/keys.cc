// The tables, from the innermost to the file.
#include "conf/keys.h"

#include <algorithm>
#include <array>
#include <vector>

#include "conf/hint_keys.h"
#include "conf/limit_keys.h"
#include "conf/proxy_keys.h"
#include "conf/tls_keys.h"

namespace sluice::conf {

namespace {

constexpr unsigned kOneOrMore = kString | kStrings;
constexpr std::string_view kPath = "^/";

constexpr std::array<std::string_view, 4> kLogFormats = {"auto", "json", "text", "combined"};
constexpr std::array<std::string_view, 2> kErrorFormats = {"text", "json"};
constexpr std::array<std::string_view, 2> kErrorLevels = {"error", "info"};
constexpr std::array<std::string_view, 1> kElse = {"next"};
constexpr std::array<std::string_view, 1> kUnknownHost = {"default"};
constexpr std::array<int64_t, 2> kUnknownHostStatus = {404, 421};
constexpr std::array<std::string_view, 3> kStores = {"no-store", "no-cache", "nothing"};
constexpr std::array<int64_t, 5> kRedirectStatus = {301, 302, 303, 307, 308};

// --- Response fields -----------------------------------------------------------------------------

constexpr Key kFieldValue{.name = "*", .about = "The field's value.", .example = "\"nosniff\""};
constexpr Table kFieldsSet{"fields.set", {}, &kFieldValue};
constexpr Key kFieldValues{.name = "*",
                           .forms = kOneOrMore,
                           .about = "The field's value, or several of them.",
                           .example = "\"</a.css>; rel=preload\""};
constexpr Table kFieldsAdd{"fields.add", {}, &kFieldValues};

constexpr std::array kFieldKeys = {
    Key{.name = "set",
        .forms = kTable,
        .about = "Fields that replace those of the same name.",
        .table = &kFieldsSet},
    Key{.name = "add",
        .forms = kTable,
        .about = "Fields that join those of the same name.",
        .table = &kFieldsAdd},
    Key{.name = "remove",
        .forms = kOneOrMore,
        .about = "Names of fields to take away; done first, so that the same table may set anew.",
        .example = "[\"X-Powered-By\"]"},
};
constexpr Table kFields{"fields", kFieldKeys};

// --- Rules for caches ----------------------------------------------------------------------------

constexpr std::array kCacheKeys = {
    Key{.name = "match",
        .about = "Which paths: a pattern such as \"/assets/**\", or a name such as \"*.css\". The "
                 "request's path counts, and that of the file which answers it.",
        .example = "\"/assets/**\"",
        .required = true,
        .pattern = "^[/*]"},
    Key{.name = "max_age",
        .about = "How long caches may use the response without asking: \"30s\", \"10m\", \"12h\", "
                 "\"365d\".",
        .example = "\"365d\"",
        .pattern = "^[0-9]+[smhd]$"},
    Key{.name = "immutable",
        .forms = kBoolean,
        .fallback = "false",
        .about = "What the name stands for never changes: browsers do not ask even on reload."},
    Key{.name = "private",
        .forms = kBoolean,
        .fallback = "false",
        .about = "Only the browser may keep it, no shared cache."},
    Key{.name = "store",
        .about = "In place of max_age: \"no-store\", \"no-cache\" (kept, but asked about every "
                 "time) or \"nothing\" (no field at all).",
        .choices = kStores},
};
constexpr Table kCache{"cache", kCacheKeys};

// --- What routes do ------------------------------------------------------------------------------

// These stand in [[site]] and in `files` alike, with the same meaning.
constexpr Key kIndex{.name = "index",
                     .forms = kOneOrMore,
                     .fallback = "[\"index.html\", \"index.htm\"]",
                     .about = "The files that answer for a folder; the first that exists.",
                     .example = "[\"index.html\"]"};
constexpr Key kListing{.name = "listing",
                       .forms = kBoolean,
                       .fallback = "false",
                       .about = "Folders without an index file show what they hold."};
constexpr Key kFollow{.name = "follow_symlinks",
                      .forms = kBoolean,
                      .fallback = "false",
                      .about = "Follow symbolic links that lead out of the folder."};
constexpr Key kCleanUrls{.name = "clean_urls",
                         .forms = kBoolean,
                         .fallback = "false",
                         .about = "\"/about\" is answered from about.html."};
constexpr Key kSpa{.name = "spa",
                   .forms = kBoolean,
                   .fallback = "false",
                   .about =
                       "A single-page application: navigations to a path without a file get "
                       "the root's index file; missing assets stay 404."};

constexpr std::array kFilesKeys = {
    Key{.name = "root",
        .fallback = "the site's `root`",
        .about = "The folder with the files, relative to the configuration's file.",
        .example = "\"public\""},
    Key{.name = "strip",
        .fallback = "with a `root` of its own the route's prefix, else \"\"",
        .about = "The beginning of the path that is not part of the file's.",
        .example = "\"/docs\""},
    kIndex,
    kListing,
    kFollow,
    kCleanUrls,
    kSpa,
};
constexpr Table kFiles{"files", kFilesKeys};

constexpr std::array kRedirectKeys = {
    Key{.name = "to",
        .about = "Where to: a path or a URL; $1 to $9 are the pattern's captures ($1 of a prefix "
                 "is the rest of the path), $query is \"?...\" or nothing, $$ is a dollar.",
        .example = "\"/new/$1\"",
        .required = true},
    Key{.name = "status",
        .forms = kInteger,
        .fallback = "302",
        .about = "301 and 308: for ever; 302 and 307: for now; 303: see other. 307 and 308 keep "
                 "the method.",
        .numbers = kRedirectStatus},
};
constexpr Table kRedirect{"redirect", kRedirectKeys};

constexpr std::array kRespondKeys = {
    Key{.name = "status",
        .forms = kInteger,
        .fallback = "200",
        .about = "The response's status.",
        .least = 200,
        .most = 599},
    Key{.name = "body",
        .fallback = "\"\"",
        .about = "The response's content.",
        .example = "\"ok\\n\""},
    Key{.name = "type",
        .fallback = "\"text/plain; charset=utf-8\"",
        .about = "The content's media type.",
        .example = "\"text/plain\""},
};
constexpr Table kRespond{"respond", kRespondKeys};

constexpr std::array kRouteKeys = {
    Key{.name = "path",
        .about = "Answers this path and no other. A route has one of path, prefix and pattern.",
        .example = "\"/health\"",
        .pattern = kPath},
    Key{.name = "prefix",
        .about = "Answers every path that starts so; \"/docs\" means \"/docs\" and \"/docs/...\".",
        .example = "\"/docs/\"",
        .pattern = kPath},
    Key{.name = "pattern",
        .about = "Answers paths of this form: `*` is any run of octets without '/', `**` any run.",
        .example = "\"/blog/*/*\"",
        .pattern = "^[/*]"},
    Key{.name = "files",
        .forms = kString | kTable,
        .about = "Serves files; a string is the `root`. A route has one of files, proxy, redirect, "
                 "rewrite and respond.",
        .table = &kFiles,
        .example = "\"docs\""},
    kProxy,
    Key{.name = "redirect",
        .forms = kString | kTable,
        .about = "Sends the client elsewhere; a string is `to`.",
        .table = &kRedirect,
        .example = "\"/new\""},
    Key{.name = "rewrite",
        .about = "Looks for a route again with this path, which may hold captures as in "
                 "redirect.to; a '?' replaces the query.",
        .example = "\"/index.html\"",
        .pattern = kPath},
    Key{.name = "respond",
        .forms = kInteger | kString | kTable,
        .about = "Answers with a fixed text; an integer is the `status`, a string the `body`.",
        .table = &kRespond,
        .least = 200,
        .most = 599,
        .example = "204"},
    Key{.name = "else",
        .about = "\"next\": a path without a file goes on to the next route that matches. Only "
                 "with files.",
        .choices = kElse},
    Key{.name = "fields",
        .forms = kTable,
        .about = "Response fields, after those of the site.",
        .table = &kFields},
    Key{.name = "cache",
        .forms = kTables,
        .about = "Rules for caches, before those of the site.",
        .table = &kCache},
};
constexpr Table kRoute{"[[site.route]]", kRouteKeys};

// --- Sites ---------------------------------------------------------------------------------------

constexpr Key kMediaType{.name = "*",
                         .about = "The media type of files with this extension.",
                         .example = "\"application/wasm\""};
constexpr Table kMediaTypes{"media_types", {}, &kMediaType, "^[^A-Z./]+$"};
constexpr Key kErrorPage{.name = "*",
                         .about = "The page for this status (404), or for this class (5xx).",
                         .example = "\"/404.html\"",
                         .pattern = kPath};
constexpr Table kErrorPages{"error_pages", {}, &kErrorPage, "^[45]([0-9][0-9]|xx)$"};

const Table& site_table() {
  static const std::array kKeys = {
      Key{.name = "name",
          .fallback = "the first of `hosts`",
          .about = "What logs and reports call it.",
          .example = "\"blog\""},
      Key{.name = "hosts",
          .forms = kOneOrMore,
          .about = "The names it answers to: \"example.com\", \"*.example.com\". Only the default "
                   "site may have none.",
          .example = "[\"example.com\"]"},
      Key{.name = "default",
          .forms = kBoolean,
          .fallback = "true for the first site when no other says it",
          .about = "Answers for hosts that no site names."},
      Key{.name = "listeners",
          .forms = kOneOrMore,
          .fallback = "all of them",
          .about = "The names of the listeners it is reached through.",
          .example = "[\"public\"]"},
      Key{.name = "root",
          .about = "The folder with its files, relative to the configuration's file; they answer "
                   "for every path that no route does.",
          .example = "\"public\""},
      kIndex,
      kListing,
      kFollow,
      kCleanUrls,
      kSpa,
      kProxy,
      Key{.name = "redirect_to_https",
          .forms = kBoolean,
          .fallback = "false",
          .about = "What comes in clear text is sent to the same place over TLS."},
      Key{.name = "hsts",
          .forms = kString | kTable,
          .fallback = "no such field",
          .about = "Strict-Transport-Security: for how long browsers use nothing but TLS for its "
                   "hosts; a string is `max_age`. Said over TLS only.",
          .table = &hsts_table(),
          .example = "\"365d\""},
      Key{.name = "client_certificates",
          .forms = kTable,
          .fallback = "as the listener says",
          .about = "Certificates that clients are to show, in place of what the listener asks for.",
          .table = &site_client_certificates_table()},
      Key{.name = "error_pages",
          .forms = kTable,
          .about = "Pages for errors, by status or class: paths of files below `root`.",
          .table = &kErrorPages},
      Key{.name = "media_types",
          .forms = kTable,
          .about = "Media types by extension, before the built-in ones.",
          .table = &kMediaTypes},
      Key{.name = "cache",
          .forms = kTables,
          .about = "Rules for caches; the first that matches decides, the built-in ones come last.",
          .table = &kCache},
      Key{.name = "fields",
          .forms = kTable,
          .about = "Response fields, after those of the file.",
          .table = &kFields},
      kEarlyHints,
      kEarlyHintsTo,
      kPush,
      Key{.name = "limits",
          .forms = kTable,
          .about = "Limits that hold for exchanges of this site.",
          .table = &site_limits()},
      Key{.name = "route",
          .forms = kTables,
          .about = "What answers which paths; the most specific one first.",
          .table = &kRoute},
  };
  static const Table kSite{"[[site]]", kKeys};
  return kSite;
}

const Table& listener_table() {
  static const std::array kKeys = {
      Key{.name = "name",
          .fallback = "its address",
          .about = "What `listeners` of a site or a certificate calls it.",
          .example = "\"public\""},
      Key{.name = "address",
          .about = "Where it listens: \"HOST:PORT\", \":PORT\" (all addresses), \"[::1]:PORT\" or "
                   "\"unix:/path\".",
          .example = "\":8080\"",
          .required = true},
      Key{.name = "tls",
          .forms = kBoolean | kTable,
          .fallback = "false",
          .about = "It speaks TLS, with the certificates of [[certificate]]; a table says how.",
          .table = &tls_table()},
      Key{.name = "http2",
          .forms = kBoolean,
          .fallback = "true",
          .about =
              "HTTP/2: offered in TLS handshakes (ALPN); in clear text to who begins with it."},
      Key{.name = "proxy_protocol",
          .forms = kBoolean,
          .fallback = "false",
          .about = "Its connections come from `trusted_proxies` only, and begin with the PROXY "
                   "protocol's header, version 1 or 2."},
      Key{.name = "limits",
          .forms = kTable,
          .about = "Limits that hold for its connections.",
          .table = &listener_limits()},
  };
  static const Table kListener{"[[listener]]", kKeys};
  return kListener;
}

// --- The file ------------------------------------------------------------------------------------

constexpr std::array kLogKeys = {
    Key{.name = "access",
        .fallback = "\"stdout\"",
        .about = "Where the access log goes: \"stdout\", \"off\", or a file.",
        .example = "\"/var/log/sluice/access.log\""},
    Key{.name = "format",
        .fallback = "\"auto\"",
        .about = "\"auto\" is text on a terminal and json elsewhere; \"combined\" is Apache's.",
        .choices = kLogFormats},
    Key{.name = "errors",
        .fallback = "\"stderr\"",
        .about = "Where the error log goes: \"stderr\", \"off\", or a file.",
        .example = "\"/var/log/sluice/error.log\""},
    Key{.name = "error_format",
        .fallback = "\"text\"",
        .about = "Lines for people, or with \"json\" an object in each.",
        .choices = kErrorFormats},
    Key{.name = "error_level",
        .fallback = "\"error\"",
        .about = "\"error\": 5xx, limits, cut responses and failed handshakes; \"info\": also 4xx.",
        .choices = kErrorLevels},
};
constexpr Table kLog{"[log]", kLogKeys};

constexpr std::array<std::string_view, 4> kIncluded = {"include", "certificate", "listener",
                                                       "site"};

}  // namespace

const Table& file_table() noexcept {
  static const std::array kKeys = {
      Key{.name = "workers",
          .forms = kInteger,
          .fallback = "one per usable CPU",
          .about = "Threads that serve.",
          .least = 1,
          .most = 1024},
      Key{.name = "control",
          .fallback = "a path below /run or the user's folder for such things",
          .about = "The control socket's path, or \"off\".",
          .example = "\"/run/sluice/control.sock\""},
      Key{.name = "trusted_proxies",
          .forms = kOneOrMore,
          .fallback = "[]",
          .about = "Addresses and blocks of them (CIDR) whose X-Request-ID, Forwarded, "
                   "X-Forwarded-* and X-Real-IP are believed, and whose PROXY protocol, where a "
                   "listener takes it. With one, Unix sockets' peers are, too.",
          .example = "[\"10.0.0.0/8\"]"},
      Key{.name = "unknown_host",
          .forms = kString | kInteger,
          .fallback = "\"default\"",
          .about =
              "What a host that no site names gets: the default site (on a listener that does not "
              "have it, its first one), or 404 or 421.",
          .choices = kUnknownHost,
          .numbers = kUnknownHostStatus},
      Key{.name = "include",
          .forms = kOneOrMore,
          .about =
              "Files that are read as if their [[site]], [[listener]] and [[certificate]] stood "
              "at this one's end: paths relative to this file, which may hold `*`, `?` and "
              "`[...]`.",
          .example = "\"sites/*.toml\""},
      Key{.name = "log",
          .forms = kTable,
          .about = "The access log and the error log.",
          .table = &kLog},
      Key{.name = "limits",
          .forms = kTable,
          .about = "Limits that hold everywhere, where no listener or site says otherwise.",
          .table = &process_limits()},
      Key{.name = "fields",
          .forms = kTable,
          .about = "Response fields of every site.",
          .table = &kFields},
      Key{.name = "listener",
          .forms = kTables,
          .fallback = "one named \"default\" at 127.0.0.1:8080",
          .about = "Where connections are accepted.",
          .table = &listener_table()},
      Key{.name = "certificate",
          .forms = kTables,
          .about = "Certificates for the listeners that speak TLS.",
          .table = &certificate_table()},
      Key{.name = "site", .forms = kTables, .about = "What is served.", .table = &site_table()},
  };
  static const Table kFile{"the file", kKeys};
  return kFile;
}

std::span<const std::string_view> included_keys() noexcept { return kIncluded; }

std::span<const Table* const> all_tables() noexcept {
  static const std::vector<const Table*> kTables = [] {
    std::vector<const Table*> tables = {&file_table()};
    for (size_t i = 0; i < tables.size(); ++i) {
      for (const Key& key : tables[i]->keys) {
        const bool known = std::find(tables.begin(), tables.end(), key.table) != tables.end();
        if (key.table != nullptr && !known) tables.push_back(key.table);
      }
    }
    return tables;
  }();
  return kTables;
}

const Key* find_key(const Table& table, std::string_view name) noexcept {
  if (table.any != nullptr) return table.any;
  const auto found = std::find_if(table.keys.begin(), table.keys.end(),
                                  [name](const Key& key) { return key.name == name; });
  return found != table.keys.end() ? &*found : nullptr;
}

namespace {

// "a", "a or b", "a, b or c".
std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

void add_numbers(const Key& key, std::vector<std::string>& words) {
  for (const int64_t number : key.numbers) words.push_back(std::to_string(number));
  if (!key.numbers.empty()) return;
  // What only keeps numbers from overflowing means nothing to people.
  if (key.most >= int64_t{1} << 62) {
    words.push_back("an integer of at least " + std::to_string(key.least));
  } else {
    words.push_back("an integer from " + std::to_string(key.least) + " to " +
                    std::to_string(key.most));
  }
}

}  // namespace

std::string expected_of(const Key& key) {
  std::vector<std::string> words;
  if (key.forms & kBoolean) words.emplace_back("true or false");
  for (const std::string_view choice : key.choices)
    words.push_back('"' + std::string(choice) + '"');
  if (key.choices.empty() && (key.forms & kString)) words.emplace_back("a string");
  if (key.forms & kStrings) words.emplace_back("an array of strings");
  if (key.forms & kInteger) add_numbers(key, words);
  if (key.forms & kTable) words.emplace_back("a table");
  if (key.forms & kTables) words.emplace_back("an array of tables");
  std::string text = "expected " + joined(words);
  if (!key.example.empty()) text.append(", for example ").append(key.example);
  return text;
}

}  // namespace sluice::conf
