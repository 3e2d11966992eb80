// What a configuration means once it is read: defaults, inheritance, variables, included files.
#include "conf/reader.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/support/memory_files.h"

namespace sluice::conf {
namespace {

using Files = std::map<std::string, std::string>;

std::optional<std::string> environment(std::string_view name) {
  static const std::map<std::string, std::string, std::less<>> kSet = {
      {"DOMAIN", "example.com"}, {"EMPTY", ""}, {"WORKERS", "3"}, {"TRUTH", "true"}};
  const auto found = kSet.find(name);
  return found != kSet.end() ? std::optional(found->second) : std::nullopt;
}

Reading read_files(Files files) {
  test::MemoryFiles memory(std::move(files), {"/srv/public", "/srv/docs", "/srv/sites/blog"});
  return read_configuration("/srv/sluice.toml", environment, memory);
}

// Reads one file that must be good.
Configuration read(const std::string& text) {
  const Reading reading = read_files({{"/srv/sluice.toml", text}});
  for (const Diagnostic& diagnostic : reading.diagnostics) {
    ADD_FAILURE() << render(diagnostic, false);
  }
  return reading.configuration ? *reading.configuration : Configuration();
}

const FilesAction& files_of(const Route& route) { return std::get<FilesAction>(route.action); }

const std::string kSite = "[[site]]\nroot = \"public\"\n";

TEST(Reader, TheLeastFileGetsAllDefaults) {
  const Configuration read_one = read(kSite);
  EXPECT_EQ(read_one.files, std::vector<std::string>{"/srv/sluice.toml"});
  EXPECT_EQ(read_one.workers, 0U);
  EXPECT_EQ(read_one.control, "");
  EXPECT_EQ(read_one.log.access, "stdout");
  EXPECT_EQ(read_one.log.errors, "stderr");
  EXPECT_FALSE(read_one.log.all_errors);
  EXPECT_EQ(read_one.unknown_host.status, 0);
  ASSERT_EQ(read_one.listeners.size(), 1U);
  EXPECT_EQ(read_one.listeners[0].name, "default");
  EXPECT_EQ(read_one.listeners[0].address, "127.0.0.1:8080");
  ASSERT_EQ(read_one.sites.size(), 1U);
  EXPECT_TRUE(read_one.sites[0].is_default);
  EXPECT_EQ(read_one.sites[0].name, "default");
  EXPECT_EQ(read_one.sites[0].origin, "/srv/sluice.toml:1");
}

TEST(Reader, ASitesRootIsAPrefixRouteThatComesLast) {
  const Configuration one =
      read(kSite + "spa = true\n[[site.route]]\npath = \"/a\"\nrespond = 204\n");
  ASSERT_EQ(one.sites[0].routes.size(), 2U);
  const Route& last = one.sites[0].routes[1];
  EXPECT_EQ(last.match.kind, PathMatch::Kind::prefix);
  EXPECT_EQ(last.match.text, "/");
  EXPECT_EQ(last.origin, "/srv/sluice.toml:2");
  EXPECT_EQ(files_of(last).root, "/srv/public");
  EXPECT_EQ(files_of(last).strip, "");
  EXPECT_TRUE(files_of(last).spa);
}

TEST(Reader, StripsARoutesPrefixOnlyForARootOfItsOwn) {
  const Configuration one = read(kSite + R"(
[[site.route]]
prefix = "/docs/"
files = "docs"
[[site.route]]
prefix = "/manual"
files = { root = "docs" }
[[site.route]]
prefix = "/part/"
files = { listing = true }
[[site.route]]
prefix = "/whole/"
files = { root = "docs", strip = "" }
)");
  const auto& routes = one.sites[0].routes;
  EXPECT_EQ(files_of(routes[0]).strip, "/docs");
  EXPECT_EQ(files_of(routes[1]).strip, "/manual");
  EXPECT_EQ(files_of(routes[2]).strip, "");
  EXPECT_EQ(files_of(routes[2]).root, "/srv/public");
  EXPECT_EQ(files_of(routes[3]).strip, "");
}

TEST(Reader, KeysAboutFilesHoldForInnerRoutesUnlessTheySayOtherwise) {
  const Configuration one = read(kSite + R"(listing = true
spa = true
index = "start.html"
[[site.route]]
prefix = "/docs/"
files = { root = "docs", listing = false }
[[site.route]]
prefix = "/maybe/"
files = "docs"
else = "next"
)");
  const FilesAction& docs = files_of(one.sites[0].routes[0]);
  EXPECT_FALSE(docs.listing);
  EXPECT_TRUE(docs.spa);
  EXPECT_EQ(docs.index, std::vector<std::string>{"start.html"});
  const FilesAction& maybe = files_of(one.sites[0].routes[1]);
  EXPECT_TRUE(maybe.else_next);
  EXPECT_TRUE(maybe.listing);
  // A fallback for navigations would leave nothing to go on with.
  EXPECT_FALSE(maybe.spa);
}

TEST(Reader, LimitsHoldForInnerPlacesUnlessTheySayOtherwise) {
  const Configuration one = read(R"([limits]
body = "2MiB"
idle_timeout = "10s"
[[listener]]
address = ":8080"
limits = { idle_timeout = "20s" }
[[listener]]
address = ":8081"
)" + kSite + "limits = { body = 1024 }\n[[site]]\nhosts = [\"b\"]\nroot = \"docs\"\n");
  EXPECT_EQ(one.limits.values.body, 2U << 20);
  EXPECT_EQ(one.listeners[0].limits.values.idle_timeout, milliseconds(20'000));
  EXPECT_EQ(one.listeners[0].limits.origin_of("idle_timeout"), "/srv/sluice.toml:6");
  EXPECT_EQ(one.listeners[1].limits.values.idle_timeout, milliseconds(10'000));
  EXPECT_EQ(one.listeners[1].limits.origin_of("idle_timeout"), "/srv/sluice.toml:3");
  EXPECT_EQ(one.sites[0].limits.values.body, 1024U);
  EXPECT_EQ(one.sites[0].limits.origin_of("body"), "/srv/sluice.toml:11");
  EXPECT_EQ(one.sites[1].limits.values.body, 2U << 20);
  EXPECT_EQ(one.sites[1].limits.origin_of("head"), "");
}

TEST(Reader, FieldsAddUpFromOutsideIn) {
  const Configuration one = read("fields.set = { X-A = \"file\" }\n" + kSite +
                                 "fields.add = { X-B = [\"1\", \"2\"] }\n"
                                 "[[site.route]]\npath = \"/a\"\nrespond = 204\n"
                                 "fields = { set = { X-A = \"route\" }, remove = \"X-B\" }\n");
  const auto& site = one.sites[0].fields;
  ASSERT_EQ(site.size(), 3U);
  EXPECT_EQ(site[0].value, "file");
  EXPECT_EQ(site[2].action, FieldRule::Action::add);
  EXPECT_EQ(site[2].value, "2");
  const auto& route = one.sites[0].routes[0].fields;
  ASSERT_EQ(route.size(), 5U);
  EXPECT_EQ(route[3].action, FieldRule::Action::remove);
  EXPECT_EQ(route[4].value, "route");
  EXPECT_EQ(one.sites[0].routes[1].fields.size(), 3U);
}

TEST(Reader, ARoutesRulesForCachesComeBeforeThoseOfItsSite) {
  const Configuration one = read(kSite + R"(cache = [{ match = "*.css", store = "no-store" }]
[[site.route]]
prefix = "/a/"
files = "docs"
cache = [{ match = "/a/**", max_age = "365d", immutable = true, private = true }]
)");
  const auto& rules = one.sites[0].routes[0].cache;
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].storing, CacheRule::Storing::max_age);
  EXPECT_EQ(rules[0].max_age, std::chrono::hours(24 * 365));
  EXPECT_TRUE(rules[0].immutable && rules[0].private_response);
  EXPECT_EQ(rules[1].storing, CacheRule::Storing::no_store);
  EXPECT_EQ(one.sites[0].routes[1].cache.size(), 1U);
}

TEST(Reader, ReadsEveryKindOfAction) {
  const Configuration one = read(R"([[site]]
[[site.route]]
pattern = "/blog/*/*"
redirect = { to = "/articles/$2$query", status = 308 }
[[site.route]]
path = "/old"
redirect = "/new"
[[site.route]]
prefix = "/app/"
rewrite = "/index.html"
[[site.route]]
path = "/health"
respond = "ok"
[[site.route]]
path = "/teapot"
respond = { status = 418, body = "<b>short</b>", type = "text/html" }
)");
  const auto& routes = one.sites[0].routes;
  EXPECT_EQ(std::get<RedirectAction>(routes[0].action).status, 308);
  EXPECT_EQ(std::get<RedirectAction>(routes[1].action).status, 302);
  EXPECT_EQ(std::get<RewriteAction>(routes[2].action).to, "/index.html");
  EXPECT_EQ(std::get<RespondAction>(routes[3].action).body, "ok");
  EXPECT_EQ(std::get<RespondAction>(routes[4].action).status, 418);
  EXPECT_EQ(std::get<RespondAction>(routes[4].action).type, "text/html");
}

TEST(Reader, ReadsSitesWithHostsPagesAndTypes) {
  const Configuration one = read(R"(unknown_host = 421
trusted_proxies = ["10.0.0.0/8", "::1"]
[[site]]
hosts = ["EXAMPLE.com", "*.example.com"]
root = "public"
media_types = { wasm = "application/wasm" }
[[site]]
hosts = ["b.example"]
default = true
root = "docs"
)");
  EXPECT_EQ(one.unknown_host.status, 421);
  EXPECT_EQ(one.unknown_host.origin, "/srv/sluice.toml:1");
  ASSERT_EQ(one.trusted_proxies.size(), 2U);
  EXPECT_EQ(one.trusted_proxies[0].bits, 104);
  EXPECT_EQ(one.trusted_proxies[0].address[12], 10);
  EXPECT_EQ(one.trusted_proxies[1].bits, 128);
  EXPECT_EQ(one.sites[0].hosts, (std::vector<std::string>{"example.com", "*.example.com"}));
  EXPECT_EQ(one.sites[0].name, "example.com");
  EXPECT_FALSE(one.sites[0].is_default);
  EXPECT_TRUE(one.sites[1].is_default);
  EXPECT_EQ(one.sites[0].media_types.at("wasm"), "application/wasm");
}

TEST(Reader, ErrorPagesAreKeptByStatusAndClass) {
  const Reading reading =
      read_files({{"/srv/sluice.toml",
                   kSite + "error_pages = { 404 = \"/404.html\", 5xx = \"/oops.html\" }\n"},
                  {"/srv/public/404.html", ""},
                  {"/srv/public/oops.html", ""}});
  EXPECT_TRUE(reading.diagnostics.empty());
  const auto& pages = reading.configuration->sites[0].error_pages;
  EXPECT_EQ(pages.at(404), "/404.html");
  EXPECT_EQ(pages.at(5), "/oops.html");
}

TEST(Reader, VariablesStandInAnyString) {
  const Configuration one = read(R"(workers = "${WORKERS}"
[[site]]
hosts = ["www.${DOMAIN}"]
name = "${MISSING:-blog} of ${EMPTY:-nobody}"
root = "pub${NONE:-}lic"
listing = "${TRUTH}"
default = true
[[site.route]]
path = "/price"
respond = "$${DOMAIN} costs $5"
[[site.route]]
prefix = "/x/"
redirect = "https://${DOMAIN}/$1"
)");
  EXPECT_EQ(one.workers, 3U);
  const Site& site = one.sites[0];
  EXPECT_EQ(site.hosts[0], "www.example.com");
  EXPECT_EQ(site.name, "blog of nobody");
  EXPECT_TRUE(files_of(site.routes[2]).listing);
  EXPECT_EQ(files_of(site.routes[2]).root, "/srv/public");
  EXPECT_EQ(std::get<RespondAction>(site.routes[0].action).body, "${DOMAIN} costs $5");
  EXPECT_EQ(std::get<RedirectAction>(site.routes[1].action).to, "https://example.com/$1");
}

TEST(Reader, IncludedFilesAreReadInOrderWithTheirOwnFolder) {
  const Reading reading = read_files(
      {{"/srv/sluice.toml", "include = \"sites/*.toml\"\nfields.set = { X-A = \"1\" }\n" + kSite},
       {"/srv/sites/b.toml", "[[site]]\nhosts = [\"b\"]\nroot = \"blog\"\n"},
       {"/srv/sites/a.toml",
        "[[listener]]\naddress = \":80\"\n[[site]]\nhosts = [\"a\"]\nroot = \"blog\"\n"}});
  ASSERT_TRUE(reading.configuration) << render(reading.diagnostics.at(0), false);
  const Configuration& all = *reading.configuration;
  EXPECT_EQ(all.files, (std::vector<std::string>{"/srv/sluice.toml", "/srv/sites/a.toml",
                                                 "/srv/sites/b.toml"}));
  ASSERT_EQ(all.sites.size(), 3U);
  EXPECT_EQ(all.sites[1].name, "a");
  EXPECT_EQ(all.sites[1].origin, "/srv/sites/a.toml:3");
  EXPECT_EQ(files_of(all.sites[2].routes[0]).root, "/srv/sites/blog");
  EXPECT_EQ(all.sites[2].fields.size(), 1U);
  EXPECT_EQ(all.listeners[0].origin, "/srv/sites/a.toml:1");
}

TEST(Reader, LogsAndTheControlSocketAreWordsOrPathsBesideTheFile) {
  const Configuration one = read(
      "control = \"run/c.sock\"\n[log]\naccess = \"a.log\"\n"
      "errors = \"off\"\nerror_level = \"info\"\nerror_format = \"json\"\n" +
      kSite);
  EXPECT_EQ(one.control, "/srv/run/c.sock");
  EXPECT_EQ(one.log.access, "/srv/a.log");
  EXPECT_EQ(one.log.errors, "off");
  EXPECT_TRUE(one.log.all_errors);
  EXPECT_EQ(one.log.error_format, "json");
}

TEST(Reader, ASocketsPathIsRelativeToTheFile) {
  const Configuration one = read(
      "[[listener]]\naddress = \"unix:run/s.sock\"\n"
      "[[listener]]\naddress = \"unix:/run/s.sock\"\n" +
      kSite);
  EXPECT_EQ(one.listeners[0].address, "unix:/srv/run/s.sock");
  EXPECT_EQ(one.listeners[1].address, "unix:/run/s.sock");
}

TEST(Reader, AnErrorLeavesNoConfigurationAWarningDoes) {
  EXPECT_EQ(read_files({{"/srv/sluice.toml", "wrokers = 2\n" + kSite}}).configuration, nullptr);
  const Reading warned = read_files({{"/srv/sluice.toml", "[[site]]\nroot = \"nowhere\"\n"}});
  EXPECT_NE(warned.configuration, nullptr);
  ASSERT_EQ(warned.diagnostics.size(), 1U);
  EXPECT_EQ(warned.diagnostics[0].severity, Diagnostic::Severity::warning);
}

TEST(Reader, AMainFileThatCannotBeReadIsSaidWithoutALine) {
  const Reading reading = read_files({});
  ASSERT_EQ(reading.diagnostics.size(), 1U);
  EXPECT_EQ(reading.diagnostics[0].code, "unreadable-file");
  EXPECT_EQ(render(reading.diagnostics[0], false),
            "/srv/sluice.toml: error: cannot be read: No such file or directory\n");
}

TEST(Reader, HostileTextsTakeLittleTimeAndSayLittle) {
  std::string variables = kSite + "name = \"";
  for (int i = 0; i < 100'000; ++i) variables += "${A";
  for (const std::string& text :
       {variables + "\"\n", variables + "}\"\n", kSite + std::string(100'000, 'a') + " = 1\n"}) {
    const Reading reading = read_files({{"/srv/sluice.toml", text}});
    ASSERT_EQ(reading.diagnostics.size(), 1U);
    EXPECT_LT(render(reading.diagnostics[0], false).size(), 2000U);
  }
}

TEST(Reader, DiagnosticsComeInTheFilesOrder) {
  const Reading reading =
      read_files({{"/srv/sluice.toml", "include = \"b.toml\"\n" + kSite + "lsting = true\n"},
                  {"/srv/b.toml", "[[site]]\nhots = [\"b\"]\nroot = \"public\"\n"}});
  ASSERT_EQ(reading.diagnostics.size(), 2U);
  EXPECT_EQ(reading.diagnostics[0].file, "/srv/sluice.toml");
  EXPECT_EQ(reading.diagnostics[1].file, "/srv/b.toml");
}

}  // namespace
}  // namespace sluice::conf
