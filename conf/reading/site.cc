// Reading a site, and comparing it with the others.
#include "conf/reading/site.h"

#include <algorithm>
#include <charconv>

#include "conf/reading/hints.h"
#include "conf/reading/listener.h"
#include "conf/reading/parts.h"
#include "conf/reading/route.h"
#include "conf/reading/value.h"

namespace sluice::conf {

SiteReader::SiteReader(Configuration& configuration, const std::vector<FieldRule>& fields,
                       bool listeners_known, const ReadingContext& context)
    : configuration_(configuration),
      fields_(fields),
      context_(context),
      listeners_(names_of(configuration.listeners)),
      tls_(configuration.listeners, fields, listeners_known, context) {}

void SiteReader::read(const Node& table, const std::string& folder) {
  Site site;
  site.origin = report().origin(table.place);
  read_listeners(table, site);
  read_hosts(table, site);
  site.name = text_or(table, "name", site.hosts.empty() ? "default" : site.hosts.front());
  read_default(table, site);
  read_media_types(table, site);
  site.limits = configuration_.limits;
  read_limits(table, site.limits, report());
  read_content(table, folder, site);
  read_hints(table, site, report());
  check_purpose(table, site);
  tls_.read(table, folder, site);
  places_.push_back(table.place);
  hostless_excused_.push_back(table.entry("hosts") != nullptr || table.has_bad_entry());
  configuration_.sites.push_back(std::move(site));
}

void SiteReader::finish(bool complete, const std::vector<Place>& listeners) {
  if (configuration_.sites.empty()) {
    if (!complete) return;
    return report().error(Code::no_site, {}, "there is no [[site]]",
                          {"the least one: [[site]] with root = \"public\""});
  }
  if (!default_) configuration_.sites.front().is_default = true;
  check_hostless();
  if (complete) check_unused_listeners(listeners);
}

// --- Who is answered -----------------------------------------------------------------------------

void SiteReader::read_hosts(const Node& table, Site& site) {
  const Node* hosts = table.find("hosts");
  if (hosts == nullptr) return;
  if (hosts->kind == Node::Kind::array && hosts->items.empty()) {
    report().error(Code::empty_value, hosts->place, "'hosts' is empty",
                   {"name at least one, or leave the key away for the default site"});
  }
  for (const Node* host : strings_of(*hosts)) read_host(*host, site);
}

void SiteReader::read_host(const Node& node, Site& site) {
  std::string host = lower(node.text);
  if (const std::string problem = host_problem(host); !problem.empty()) {
    return report().error(Code::bad_host, node.place, "'" + node.text + "' is no host: " + problem);
  }
  std::vector<Owner>& owners = hosts_[host];
  for (const Owner& owner : owners) {
    if (!share_listener(owner.listeners, site.listeners)) continue;
    return report().error(Code::duplicate_host, node.place,
                          "the host '" + host + "' belongs to a site already",
                          {"it stands at " + owner.origin});
  }
  owners.push_back({site.listeners, report().origin(node.place)});
  site.hosts.push_back(std::move(host));
}

void SiteReader::read_default(const Node& table, Site& site) {
  const Entry* entry = table.entry("default");
  if (entry == nullptr || entry->value.bad || !entry->value.boolean) return;
  if (default_) {
    return report().error(Code::two_defaults, entry->key_place,
                          "there is a default site already, and only one can be",
                          {"the other one is said at " + *default_});
  }
  default_ = report().origin(entry->key_place);
  site.is_default = true;
}

void SiteReader::read_listeners(const Node& table, Site& site) {
  const Node* names = table.find("listeners");
  all_listeners_used_ = all_listeners_used_ || names == nullptr;
  if (names == nullptr) return;
  if (names->kind == Node::Kind::array && names->items.empty()) {
    report().error(Code::empty_value, names->place, "'listeners' is empty: no request gets here",
                   {"leave the key away for all of them"});
  }
  for (const Node* name : strings_of(*names)) {
    used_listeners_.insert(name->text);
    site.listeners.push_back(name->text);
    if (!listeners_.contains(name->text)) unknown_listener(*name, listeners_, report());
  }
}

// A site without hosts can only be the default one, which hosts that nobody names get.
void SiteReader::check_hostless() {
  for (size_t i = 0; i < configuration_.sites.size(); ++i) {
    const Site& site = configuration_.sites[i];
    if (!site.hosts.empty()) continue;
    if (!site.is_default && !hostless_excused_[i]) {
      report().error(Code::missing_host, places_[i],
                     "the site has no 'hosts', and is not the default one",
                     {"add hosts = [\"example.com\"], or default = true"});
    } else if (site.is_default && configuration_.unknown_host.status != 0) {
      report().warning(Code::unreachable_site, places_[i],
                       "no request gets to this site: it has no 'hosts', and hosts that no site "
                       "names get " +
                           std::to_string(configuration_.unknown_host.status),
                       {"unknown_host is set at " + configuration_.unknown_host.origin});
    }
  }
}

void SiteReader::check_unused_listeners(const std::vector<Place>& listeners) {
  if (all_listeners_used_) return;
  for (size_t i = 0; i < listeners.size(); ++i) {
    const std::string& name = configuration_.listeners[i].name;
    if (used_listeners_.contains(name)) continue;
    report().warning(Code::unused_listener, listeners[i],
                     "no site names the listener '" + name + "'",
                     {"name it in `listeners` of a site, or take it away"});
  }
}

// --- What is answered ----------------------------------------------------------------------------

void SiteReader::read_content(const Node& table, const std::string& folder, Site& site) {
  site.fields = fields_;
  read_fields(table, site.fields, report());
  std::vector<CacheRule> cache;
  read_cache(table, cache, report());
  SiteScope scope{table,    folder,  {}, {}, site.fields, cache, configuration_.listeners,
                  context_, secrets_};
  FilesAction files;
  read_files_keys(table, scope, files);
  scope.files = std::move(files);
  if (const Node* proxy = table.find("proxy")) read_site_proxy(*proxy, scope);
  site.routes = read_routes(scope);
  read_error_pages(table, scope.files.root, site);
}

void SiteReader::read_site_proxy(const Node& proxy, SiteScope& scope) {
  const Entry* root = scope.table.entry("root");
  if (root != nullptr) {
    return report().error(Code::route_with_two_actions, scope.table.entry("proxy")->key_place,
                          "the site has 'root' already, and here 'proxy'",
                          {"one of them answers what no route does: give the other one a "
                           "[[site.route]]"});
  }
  const PathMatch all;
  scope.proxy = read_proxy(proxy, scope.proxy_scope(&all));
}

void SiteReader::read_media_types(const Node& table, Site& site) {
  const Node* types = table.find("media_types");
  if (types == nullptr) return;
  for (const Entry& entry : types->entries) {
    const std::string small = lower(entry.key);
    if (entry.key.empty() || entry.key != small ||
        entry.key.find_first_of("./") != entry.key.npos) {
      const std::string bare = small.substr(small.rfind('.') + 1);
      report().error(
          Code::bad_extension, entry.key_place, "'" + entry.key + "' is no extension",
          {"expected small letters without dot, for example " + (bare.empty() ? "wasm" : bare)});
    }
    if (entry.value.bad) continue;
    if (!is_media_type(entry.value.text)) {
      report().error(Code::bad_media_type, entry.value.place,
                     "'" + entry.value.text + "' is no media type",
                     {"expected type/subtype, for example \"text/plain\""});
    }
    site.media_types.emplace(entry.key, entry.value.text);
  }
}

namespace {

// "404" -> 404, "5xx" -> 5; 0 for what is neither.
int error_status(std::string_view text) {
  if (text.size() != 3 || (text[0] != '4' && text[0] != '5')) return 0;
  if (text.substr(1) == "xx") return text[0] - '0';
  int status = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), status);
  return error == std::errc() && rest == text.data() + text.size() ? status : 0;
}

}  // namespace

void SiteReader::read_error_page(const Entry& entry, const std::string& root, Site& site) {
  const Node& page = entry.value;
  const int status = error_status(entry.key);
  if (status == 0) {
    report().error(Code::bad_error_status, entry.key_place,
                   "'" + entry.key + "' is no status of an error",
                   {"expected 400 to 599, or 4xx or 5xx for a class"});
  }
  if (page.bad || !check_slash(entry.key, page, report())) return;
  site.error_pages.emplace(status, page.text);
  if (page.text.find("/.", page.text.starts_with("/.well-known/") ? 1 : 0) != page.text.npos) {
    return report().warning(Code::missing_error_page, page.place,
                            "the page '" + page.text + "' is never sent",
                            {"files and folders whose names begin with a dot are not served"});
  }
  if (root.empty() || context_.files.kind(root) != FileSource::Kind::folder) return;
  if (context_.files.kind(root + page.text) != FileSource::Kind::file) {
    report().warning(Code::missing_error_page, page.place,
                     "the page '" + page.text + "' does not exist",
                     {"looked at " + root + page.text});
  }
}

void SiteReader::read_error_pages(const Node& table, const std::string& root, Site& site) {
  const Node* pages = table.find("error_pages");
  if (pages == nullptr) return;
  if (root.empty() && table.entry("root") == nullptr && !table.has_bad_entry()) {
    report().error(
        Code::error_page_without_root, table.entry("error_pages")->key_place,
        "pages for errors are files below the site's 'root', and it has none",
        {table.entry("proxy") == nullptr
             ? "add root = \"folder\""
             : "give 'proxy' a [[site.route]] with prefix = \"/\", and the site a root"});
  }
  for (const Entry& entry : pages->entries) read_error_page(entry, root, site);
}

void SiteReader::check_purpose(const Node& table, const Site& site) {
  if (table.entry("root") != nullptr || table.has_bad_entry()) return;
  const bool proxy = table.entry("proxy") != nullptr;
  if (table.entry("route") == nullptr && !proxy) {
    report().error(
        Code::site_answers_nothing, table.place,
        "the site has neither 'root' nor 'proxy' nor routes",
        {"add root = \"folder\", proxy = \"http://127.0.0.1:3000\" or a [[site.route]]"});
  }
  const bool files = std::any_of(site.routes.begin(), site.routes.end(), [](const Route& route) {
    return std::holds_alternative<FilesAction>(route.action);
  });
  // A route that could not be read may be the one they are for.
  const Node* written = table.find("route");
  const size_t routes = (written != nullptr ? written->items.size() : 0) + (proxy ? 1 : 0);
  if (files || site.routes.size() != routes) return;
  for (const std::string_view key : {"index", "listing", "follow_symlinks", "clean_urls", "spa"}) {
    const Entry* entry = table.entry(key);
    if (entry == nullptr) continue;
    report().error(
        Code::files_key_without_files, entry->key_place,
        "'" + entry->key + "' is about files, and the site serves none",
        {proxy ? "files need a [[site.route]] beside 'proxy'" : "add root = \"folder\""});
  }
}

}  // namespace sluice::conf
