// The examples are good, and a slip of the finger in any of their keys is caught.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "conf/document.h"
#include "conf/keys.h"
#include "conf/path_matcher.h"
#include "conf/pattern.h"
#include "conf/reader.h"
#include "conf/reading/report.h"
#include "conf/reading/shape.h"
#include "conf/spelling.h"

namespace sluice::conf {
namespace {

namespace fs = std::filesystem;

constexpr std::array kExamples = {"static-site.toml", "single-page-app.toml", "several-sites.toml",
                                  "https-site.toml", "reverse-proxy.toml"};

std::string path_of(const std::string& name) { return SLUICE_SOURCE_DIR "/conf/examples/" + name; }

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::optional<std::string> empty_environment(std::string_view) { return std::nullopt; }

// The real files, and as many certificates as an example names: it can bring none.
class ExampleFiles : public FileSource {
 public:
  std::string read(const std::string& path, std::string& text) override {
    return real_files().read(path, text);
  }
  std::vector<std::string> glob(const std::string& pattern) override {
    return real_files().glob(pattern);
  }
  Kind kind(const std::string& path) override {
    return path.starts_with(path_of("certs/")) ? Kind::file : real_files().kind(path);
  }
  std::string absolute(const std::string& path) override { return real_files().absolute(path); }
};

// These, with another text in place of one of them.
class ChangedFile final : public ExampleFiles {
 public:
  ChangedFile(std::string path, std::string text)
      : path_(std::move(path)), text_(std::move(text)) {}
  std::string read(const std::string& path, std::string& text) override {
    if (path != path_) return ExampleFiles::read(path, text);
    text = text_;
    return {};
  }

 private:
  std::string path_;
  std::string text_;
};

TEST(Examples, AreWithoutErrorsAndWarnings) {
  size_t found = 0;
  for (const auto& entry : fs::directory_iterator(path_of(""))) {
    if (entry.path().extension() != ".toml") continue;
    ++found;
    ExampleFiles files;
    const Reading reading = read_configuration(entry.path().string(), empty_environment, files);
    EXPECT_NE(reading.configuration, nullptr) << entry.path();
    for (const Diagnostic& one : reading.diagnostics) ADD_FAILURE() << render(one, false);
  }
  EXPECT_EQ(found, kExamples.size());
}

// --- What they promise ---------------------------------------------------------------------------

// What the first route that matches a path does: "redirect 308 /about".
std::string action_for(const Site& site, std::string_view path) {
  for (const uint32_t index : route_order(site.routes)) {
    const Route& route = site.routes[index];
    Captures captures;
    if (!PathMatcher(route.match).matches(path, captures)) continue;
    if (const auto* redirect = std::get_if<RedirectAction>(&route.action)) {
      return "redirect " + std::to_string(redirect->status) + " " +
             substitute(redirect->to, captures, true, "q=1");
    }
    if (const auto* rewrite = std::get_if<RewriteAction>(&route.action)) {
      return "rewrite " + substitute(rewrite->to, captures, false, "");
    }
    if (const auto* respond = std::get_if<RespondAction>(&route.action)) return respond->body;
    if (const auto* proxy = std::get_if<ProxyAction>(&route.action)) {
      const bool below = path.starts_with(proxy->strip);
      return "proxy " + proxy->to + " " + proxy->base +
             std::string(path.substr(below ? proxy->strip.size() : 0));
    }
    const auto& files = std::get<FilesAction>(route.action);
    return "files " + files.root.substr(files.root.rfind('/') + 1) + " " +
           std::string(path.substr(files.strip.size()));
  }
  return "nothing";
}

struct Promise {
  std::string_view example;
  size_t site;
  std::string_view path;
  std::string_view action;
};

TEST(Examples, DoWhatTheirCommentsSay) {
  const std::vector<Promise> promises = {
      {"static-site.toml", 0, "/about", "files static-site /about"},
      {"static-site.toml", 0, "/contact", "redirect 308 /about"},
      {"static-site.toml", 0, "/2024/hello", "redirect 301 /posts/2024-hello?q=1"},
      {"single-page-app.toml", 0, "/orders/7", "files single-page-app /orders/7"},
      {"single-page-app.toml", 0, "/health", "ok\n"},
      {"single-page-app.toml", 0, "/config.json", R"({"api":"https://api.example.com"})"},
      {"several-sites.toml", 0, "/shop/a/b", "redirect 307 https://shop.example.com/a/b?q=1"},
      {"several-sites.toml", 0, "/pages/about.htm", "rewrite /about.html"},
      {"several-sites.toml", 0, "/manual/install.html", "files docs /install.html"},
      {"several-sites.toml", 0, "/", "files main /"},
      {"several-sites.toml", 1, "/install.html", "files docs /install.html"},
      {"several-sites.toml", 2, "/health", "ok\n"},
      {"several-sites.toml", 2, "/secret", "Only /health is here.\n"},
      {"https-site.toml", 0, "/index.html", "files https-site /index.html"},
      {"reverse-proxy.toml", 0, "/users/7", "proxy http://127.0.0.1:3000 /users/7"},
      {"reverse-proxy.toml", 0, "/api/users/7", "proxy http://127.0.0.1:3001/v1 /v1/users/7"},
      {"reverse-proxy.toml", 0, "/assets/site.css", "files assets /site.css"},
      {"reverse-proxy.toml", 0, "/internal/metrics", "Not here.\n"},
  };
  for (const Promise& promise : promises) {
    const Reading reading =
        read_configuration(path_of(std::string(promise.example)), empty_environment);
    ASSERT_TRUE(reading.configuration) << promise.example;
    EXPECT_EQ(action_for(reading.configuration->sites.at(promise.site), promise.path),
              promise.action);
  }
}

TEST(Examples, SpeakTlsAsTheirCommentsSay) {
  const Reading reading = read_configuration(path_of("https-site.toml"), empty_environment);
  ASSERT_TRUE(reading.configuration);
  const Configuration& one = *reading.configuration;
  EXPECT_FALSE(one.listeners.at(0).tls);
  ASSERT_TRUE(one.listeners.at(1).tls);
  EXPECT_EQ(one.listeners[1].tls->policy, Tls::Policy::intermediate);
  EXPECT_EQ(one.certificates.at(0).chain, path_of("certs/site.pem"));
  EXPECT_EQ(one.certificates.at(0).key, path_of("certs/site.key"));
  EXPECT_TRUE(one.sites.at(0).redirect_to_https);
  ASSERT_TRUE(one.sites[0].hsts);
  EXPECT_EQ(one.sites[0].hsts->max_age, std::chrono::hours(24 * 365));
}

TEST(Examples, ProxyAsTheirCommentsSay) {
  const Reading reading = read_configuration(path_of("reverse-proxy.toml"), empty_environment);
  ASSERT_TRUE(reading.configuration);
  const Site& site = reading.configuration->sites.at(0);
  EXPECT_EQ(site.limits.values.upstream_response_timeout, std::chrono::seconds(30));
  EXPECT_EQ(site.limits.values.body, 10U << 20U);
  const auto one = std::find_if(site.routes.begin(), site.routes.end(), [](const Route& route) {
    const auto* proxy = std::get_if<ProxyAction>(&route.action);
    return proxy != nullptr && !proxy->strip.empty();
  });
  ASSERT_NE(one, site.routes.end());
  const auto& api = std::get<ProxyAction>(one->action);
  EXPECT_EQ(api.host_is, ProxyAction::Host::upstream);
  EXPECT_EQ(api.buffer_request, 64U << 10U);
  ASSERT_EQ(api.fields.size(), 2U);
  EXPECT_EQ(api.fields[0].name, "Cookie");
  EXPECT_EQ(api.fields[0].action, FieldRule::Action::remove);
  EXPECT_EQ(api.fields[1].name, "X-From");
  EXPECT_EQ(api.fields[1].value, "sluice");
}

// --- Slips of the finger -------------------------------------------------------------------------

// A key of a file: where it stands, and what may stand there.
struct Spot {
  std::string key;
  Place place;
  const Table* table;
  std::set<std::string> known;
};

// Keys that are words of Sluice, not of the user; each place once, as [[site]] is met with each of
// its routes.
void collect(const Node& node, const Table& table, std::vector<Spot>& spots) {
  std::set<std::string> known;
  for (const Key& key : table.keys) known.emplace(key.name);
  for (const Entry& entry : node.entries) {
    const Key* key = find_key(table, entry.key);
    ASSERT_NE(key, nullptr) << entry.key;
    if (table.any == nullptr) spots.push_back({entry.key, entry.key_place, &table, known});
    if (key->table == nullptr) continue;
    if (entry.value.kind == Node::Kind::table) collect(entry.value, *key->table, spots);
    for (const Node& item : entry.value.items) {
      if (item.kind == Node::Kind::table) collect(item, *key->table, spots);
    }
  }
}

std::vector<Spot> spots_of(const std::string& text) {
  std::vector<Spot> spots;
  collect(std::get<Node>(parse_document(text, 0)), file_table(), spots);
  return spots;
}

// Every deletion, substitution, insertion and exchange of neighbours.
std::set<std::string> slips(const Spot& spot) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz_";
  std::set<std::string> all;
  for (size_t i = 0; i <= spot.key.size(); ++i) {
    const std::string before = spot.key.substr(0, i), rest = spot.key.substr(i);
    for (const char c : kLetters) {
      all.insert(before + c + rest);
      if (!rest.empty()) all.insert(before + c + rest.substr(1));
    }
    if (!rest.empty()) all.insert(before + rest.substr(1));
    if (rest.size() > 1) all.insert(before + rest[1] + rest[0] + rest.substr(2));
  }
  // Another key of the same table is no slip that anybody could tell from a wish.
  std::erase_if(all,
                [&](const std::string& slip) { return slip.empty() || spot.known.contains(slip); });
  return all;
}

std::string with_slip(std::string text, const Spot& spot, const std::string& slip) {
  size_t line = 0;
  for (uint32_t i = 1; i < spot.place.line; ++i) line = text.find('\n', line) + 1;
  // The examples' keys stand before anything beyond ASCII on their lines.
  return text.replace(line + spot.place.column - 1, spot.key.size(), slip);
}

// "did you mean 'hosts'?" for that word; or, when both are one slip away, with one more.
bool suggests(const std::string& note, const std::string& slip, const std::string& meant) {
  const std::string only = "did you mean '" + meant + "'?";
  if (note == only) return true;
  const bool either = note.find("'" + meant + "'") != note.npos;
  const size_t other = note.find("' or '");
  if (!either || other == note.npos) return false;
  const std::string first = note.substr(14, other - 14);
  const std::string second = note.substr(other + 6, note.size() - other - 8);
  return distance(slip, first) == 1 && distance(slip, second) == 1;
}

// Whether the slip is among what was found, as an unknown key and with the right suggestion. Where
// one slip leads from two keys to the same word ("hasts": hosts, hsts), nobody can tell which was
// meant: both are suggested.
bool caught(const Diagnostics& found, const std::string& slip, const std::string& meant) {
  return std::any_of(found.begin(), found.end(), [&](const Diagnostic& one) {
    return one.code == "unknown-key" && one.message.starts_with("unknown key '" + slip + "'") &&
           !one.notes.empty() && suggests(one.notes.front(), slip, meant);
  });
}

Diagnostics read_whole(const std::string& path, const std::string& text) {
  ChangedFile files(path, text);
  return read_configuration(path, empty_environment, files).diagnostics;
}

// The part of the reader that knows keys, on this one: ten thousand whole readings would take long.
Diagnostics read_key(const Spot& spot, const std::string& slip) {
  Report report;
  Node table;
  table.place = {report.add_source("slip", slip), 1, 1, 1, 2};
  table.entries.push_back({slip, table.place, Node{.kind = Node::Kind::boolean}});
  check_shape(table, *spot.table, report);
  return report.take();
}

TEST(Examples, SingleLetterTyposInKeysAreCaughtWithTheRightSuggestion) {
  size_t tried = 0, right = 0;
  std::set<std::string> done;  // a key in a table behaves alike wherever the table stands
  for (const std::string name : kExamples) {
    const std::string path = path_of(name), text = contents(path);
    for (const Spot& spot : spots_of(text)) {
      if (!done.insert(spot.key + " of " + std::string(spot.table->title)).second) continue;
      for (const std::string& slip : slips(spot)) {
        const bool whole = ++tried % 16 == 0;
        const Diagnostics found =
            whole ? read_whole(path, with_slip(text, spot, slip)) : read_key(spot, slip);
        right += caught(found, slip, spot.key) ? 1 : 0;
      }
    }
  }
  const double share = 100.0 * static_cast<double>(right) / static_cast<double>(tried);
  std::cout << right << " of " << tried << " typos caught with the right suggestion: " << share
            << " %\n";
  EXPECT_GT(tried, 2000U);
  EXPECT_GE(share, 99.9);
}

}  // namespace
}  // namespace sluice::conf
