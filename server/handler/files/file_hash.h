// Reading a file for its tag, on a thread that may wait for a disk.
//
// The file is one state from the first octet to the last: its identity is compared before the
// first chunk and after each. What changes meanwhile gets no tag.
#pragma once

#include <atomic>
#include <cstdint>

#include "server/handler/files/content_tag.h"
#include "server/handler/files/file_identity.h"

namespace sluice::handler {

struct FileHash {
  enum class Outcome : uint8_t {
    done,     // `tag` is the content's
    changed,  // not the state that was asked for, or not any more
    failed,   // cannot be read, or was not wanted to the end
  };
  Outcome outcome = Outcome::failed;
  ContentTag tag = {};
};

// Requires: `descriptor` is a regular file's. Ends between chunks when `wanted` turns false.
// Never maps the file: one that is truncated meanwhile would end the process.
FileHash hash_file(int descriptor, const FileIdentity& identity, const std::atomic<bool>& wanted);

}  // namespace sluice::handler
