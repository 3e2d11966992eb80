// One served folder, for the whole process: its root, what it says about its files, and its place
// in the store and the watcher that all sites share.
//
// Lives longer than every worker. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cache/freshness.h"
#include "cache/representation_store.h"
#include "conf/configuration.h"
#include "conf/limits.h"
#include "server/handler/files/directory_watch.h"
#include "server/handler/files/file_resources.h"
#include "server/handler/files/root.h"
#include "server/http/cache_rules.h"
#include "server/net/timers.h"

namespace sluice::handler {

class FileSite {
 public:
  struct Options {
    std::string directory;
    bool follow_symlinks = false;  // also where a symbolic link leads out of the directory
    conf::Limits limits;
    std::string strip = {};  // a prefix of the request's path that is not part of the file's; it
                             // starts with a slash and ends without one
    std::vector<std::string> index{"index.html", "index.htm"};  // the first that is there answers
    bool listing = false;     // a folder without an index file shows its entries
    bool clean_urls = false;  // "/about" is about.html, before it is a folder
    // Extension without its dot, lower case -> type; tried before the built-in table.
    std::map<std::string, std::string> media_types = {};
    // In the order in which they are tried; behind them the built-in ones (cache/freshness.h).
    // Requires: their patterns are good (conf/pattern.h).
    std::vector<conf::CacheRule> cache = {};
    // A single-page application: a navigation to a name that is not there gets the root's index
    // file.
    bool spa = false;

    bool operator==(const Options&) const = default;
  };

  FileSite(Options options, FileResources& resources);
  // Drops what the store and the watcher hold for it. Requires: its workers' handlers have ended.
  ~FileSite();
  FileSite(const FileSite&) = delete;
  FileSite& operator=(const FileSite&) = delete;

  // Checks the folder and starts the watcher. Returns an empty string, or one line for the person
  // who started us: what is wrong with the folder and what to do. Call once, before any worker
  // serves.
  [[nodiscard]] std::string open();

  // Notices that the root was replaced, at most once in file_check; drops what was opened under the
  // old one.
  void check_root(net::Time now) {
    if (root_.check_is_due(now, options_.limits.file_check)) check_root_now(now);
  }

  // The same at once, for what was not found under the root of that generation. True when another
  // folder has taken its place: what is missing there may be here.
  bool has_moved_since(uint64_t generation, net::Time now);

  const Options& options() const noexcept { return options_; }
  const conf::Limits& limits() const noexcept { return options_.limits; }
  Root& root() noexcept { return root_; }
  cache::RepresentationStore& store() noexcept { return resources_.store(); }
  // The scope of its entries in the store.
  uint64_t scope() const noexcept { return scope_; }

  // The Content-Type of a file of this name. Lives as long as the site.
  std::string_view media_type(std::string_view name) const;
  // How long caches may use what `path` names, which is `file` below the folder (the index file of
  // a folder, the page of a clean URL); by the first rule that matches the path of either.
  cache::Freshness freshness(std::string_view path, std::string_view file,
                             std::string_view media_type) const;
  ContentTags& tags() noexcept { return resources_.tags(); }
  BackgroundHasher& hasher() noexcept { return resources_.hasher(); }
  // The stamp of a directory at this absolute path, watched from here on; null when it cannot be.
  Ref<WatchStamp> watch(const std::string& directory) {
    return resources_.watch().watch(directory, scope_);
  }

 private:
  void check_root_now(net::Time now);
  void drop_all();

  const Options options_;
  const http::CacheRules rules_;
  FileResources& resources_;
  const uint64_t scope_;
  Root root_;
};

// What a person can do about openat2 failing with `error` at start.
std::string openat2_advice(int error);

}  // namespace sluice::handler
