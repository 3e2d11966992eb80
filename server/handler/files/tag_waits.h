// Requests that wait for their file's entity tag: up to etag_wait, a file is hashed before its
// first answer, so that there is no second version of that answer.
//
// A helper thread reads; the loop goes on. Those of one worker that ask for the same file
// meanwhile wait for the same reading. Readings are bounded, those that nobody waits for any more
// included: each has a descriptor open until a helper comes to it.
#pragma once

#include <cstddef>
#include <vector>

#include "server/handler/files/content_tags.h"
#include "server/handler/files/file_entry.h"
#include "server/handler/files/file_hash.h"
#include "server/handler/files/file_source.h"
#include "server/http/exchange.h"

namespace sluice::handler {

// Thread: the loop's.
class TagWaits {
 public:
  class Client {
   public:
    // The file of `entry` was read. With Outcome::done its tag is among the ContentTags. Called
    // for each exchange that waited.
    virtual void on_hashed(http::Exchange& exchange, FileEntry& entry,
                           FileHash::Outcome outcome) = 0;

   protected:
    ~Client() = default;
  };

  TagWaits(Client& client, const FileReading& reading, ContentTags& tags);
  ~TagWaits();
  TagWaits(const TagWaits&) = delete;
  TagWaits& operator=(const TagWaits&) = delete;

  // Lets `exchange` wait. False, and nothing is begun, when there are etag_queue readings, or the
  // helpers have too much to do.
  // Requires: the entry has a descriptor.
  [[nodiscard]] bool add(http::Exchange& exchange, Ref<FileEntry> entry);
  // Forgets an exchange, if it waits here.
  void cancel(http::Exchange& exchange);

 private:
  class Job;
  struct Wait;

  void finish(Wait& wait, FileHash::Outcome outcome);

  Client& client_;
  const FileReading& reading_;
  ContentTags& tags_;
  std::vector<Ref<Wait>> waits_;  // one for each reading
};

}  // namespace sluice::handler
