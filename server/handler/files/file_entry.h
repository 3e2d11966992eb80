// A stored response of the files handler, with what decides whether it may still be sent.
//
// An entry is fresh for file_check after it was compared with the file system, unless the watcher
// saw a change in its directory, or the root was replaced. Inotify only shortens the wait: on NFS,
// 9p and FUSE watches stay silent.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "cache/representation_store.h"
#include "server/handler/files/file_identity.h"
#include "server/handler/files/watch_stamp.h"
#include "server/handler/files/window_notes.h"
#include "server/net/timers.h"

namespace sluice::handler {

// What the fallback of a single-page application, and its absence, depend on beside the path.
inline constexpr std::string_view kFallbackVary = "Accept, Sec-Fetch-Mode";

// Immutable but for its freshness, its notes and the store's bits. Any thread.
class FileEntry final : public cache::Entry {
 public:
  // What it was made from.
  struct Facts {
    std::string path;  // below the root
    FileIdentity identity = {};
    uint64_t root_generation = 0;  // of the root it was opened under
    Ref<WatchStamp> stamp = {};    // of its directory; null when that is not watched
    uint32_t seen = 0;             // the stamp's count before the file was looked at
    bool settled = true;           // false: it may change without its times telling
    bool check_by_opening =
        false;  // its path alone does not tell: a listing, or the second choice of index file
    uint64_t windows = 0;  // of a file that is sent from its descriptor
    std::string tail =
        {};  // the last octets of such a file, by which growth is told from a rewrite
    bool wants_tag = false;  // such a file, without an entity tag that it could have
    bool fallback = false;   // of a single-page application: for paths that are not there
  };

  // `scope`: its site's.
  FileEntry(std::string key, uint64_t scope, Ref<cache::Representation> representation, Facts facts,
            net::Time now);
  // The same file, and as fresh, with a representation that has its entity tag. Requires:
  // before.wants_tag().
  FileEntry(const FileEntry& before, Ref<cache::Representation> representation);

  const std::string& path() const noexcept { return facts_.path; }
  const FileIdentity& identity() const noexcept { return facts_.identity; }
  bool settled() const noexcept { return facts_.settled; }
  bool check_by_opening() const noexcept { return facts_.check_by_opening; }
  uint64_t root_generation() const noexcept { return facts_.root_generation; }
  const std::string& tail() const noexcept { return facts_.tail; }
  bool wants_tag() const noexcept { return facts_.wants_tag; }
  const Facts& facts() const noexcept { return facts_; }
  // Null for a held body.
  WindowNotes* windows() const noexcept { return windows_.get(); }

  // Checked less than `max_age` ago, and no change was seen since.
  bool checked_lately(net::Time now, std::chrono::milliseconds max_age) const noexcept;
  // The stamp's count now: read before the file system is asked, given to mark_checked after.
  uint32_t stamp_count() const noexcept { return facts_.stamp ? facts_.stamp->changes() : 0; }
  void mark_checked(net::Time now, uint32_t stamp_count) noexcept;

  size_t footprint() const noexcept override;

 private:
  ~FileEntry() override = default;

  const Facts facts_;
  std::unique_ptr<WindowNotes> windows_;
  std::atomic<int64_t> checked_at_;  // ticks of net::Time
  std::atomic<uint32_t> seen_;
};

}  // namespace sluice::handler
