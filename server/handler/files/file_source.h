// Sends a file from its descriptor, as ranges that the transport gives to sendfile.
//
// The loop never waits for a disk: a window that was not sent lately is first touched by a helper
// thread, and the source is pending meanwhile; while one window is sent, the next is touched ahead.
// A file that was truncated or rewritten while it is sent fails the source: the response ends
// visibly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "cache/worker_index.h"
#include "conf/limits.h"
#include "protocol/body.h"
#include "server/handler/files/file_entry.h"
#include "server/http/exchange.h"
#include "server/net/helpers.h"
#include "server/net/loop.h"

namespace sluice::handler {

// What a worker's sources share. Outlives them.
struct FileReading {
  net::Loop& loop;
  net::Helpers& helpers;
  const conf::Limits& limits;
};

// Thread: the exchange's.
class FileSource final : public BodySource, private net::Timer {
 public:
  // Sends the octets [begin, end). Requires: the entry is a FileEntry whose representation has a
  // file, and they lie within its length. The exchange outlives the source.
  FileSource(http::Exchange& exchange, const FileReading& reading, const cache::Pin& pin,
             uint64_t begin, uint64_t end);
  ~FileSource() override { cancel(); }

  Pull pull(Chain& out, size_t max) override;
  std::optional<uint64_t> length() const override { return end_ - begin_; }
  void cancel() override;

 private:
  class Touch;
  // Between a source and the helper's job; either may end first. Touched on the loop's thread only.
  struct Link final : SharedOwner {
    explicit Link(FileSource* its_source) : source(its_source) {}
    FileSource* source;  // null when it ended
  };

  uint64_t touched_until(uint64_t limit) const noexcept;
  bool touch(uint64_t window);
  void await_touch();
  void read_ahead();
  bool is_whole() const noexcept;
  bool has_only_grown() const noexcept;
  void on_touched(bool readable);
  void on_timer() override;

  http::Exchange& exchange_;
  const FileReading& reading_;
  FileEntry& entry_;  // pinned by handle_
  Ref<Owner> handle_;
  Ref<Link> link_;  // null while no helper works for this source
  const uint64_t begin_;
  const uint64_t end_;
  uint64_t offset_;
  bool waiting_ = false;
  bool failed_ = false;
};

}  // namespace sluice::handler
