// The tags of files whose bodies are not held: reading them again for each opening would cost more
// than sending them.
//
// A tag belongs to one state of one file (device, inode, size and both times), so that it outlives
// evictions and reloads and never meets another content. Bounded: when it is full, what was not
// asked for since the hand came by leaves (CLOCK). Touched when a file is opened, not per request.
// Any thread.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "server/handler/files/content_tag.h"
#include "server/handler/files/file_identity.h"

namespace sluice::handler {

class ContentTags {
 public:
  // `most`: at least one.
  explicit ContentTags(size_t most) : most_(most) {}
  ContentTags(const ContentTags&) = delete;
  ContentTags& operator=(const ContentTags&) = delete;

  std::optional<ContentTag> find(const FileIdentity& identity);
  // Requires: the file was in this state before and after it was read, and its times were old
  // enough to tell the next change.
  void keep(const FileIdentity& identity, const ContentTag& tag);
  size_t size();

 private:
  struct Kept {
    ContentTag tag;
    bool used = false;
  };

  void make_room(const FileIdentity& newcomer);

  const size_t most_;
  std::mutex mutex_;
  std::unordered_map<FileIdentity, Kept, FileIdentityHash> kept_;
  std::vector<FileIdentity> ring_;  // the clock's face: the keys of kept_
  size_t hand_ = 0;
};

}  // namespace sluice::handler
