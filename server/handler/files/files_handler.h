// Serves a folder's files (issue 2, "Files"; SECURITY section 4).
//
// A hit is a lookup by the request's path in this worker's own index, and one acquire load: nothing
// is decoded, allocated or asked of the system. A miss decodes the path, asks the shared store,
// then the file system. Listings are made, and files read for their entity tags, by helper
// threads.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "cache/worker_index.h"
#include "server/handler/files/file_site.h"
#include "server/handler/files/file_source.h"
#include "server/handler/files/listing_request.h"
#include "server/handler/files/opening.h"
#include "server/handler/files/request_path.h"
#include "server/handler/files/tag_waits.h"
#include "server/http/exchange.h"
#include "server/http/handler.h"
#include "server/net/helpers.h"
#include "server/net/loop.h"

namespace sluice::handler {

// One per worker; thread: its loop's. Ends before the loop, and after the exchanges it was given.
class FilesHandler final : public http::Handler, private net::Timer, private TagWaits::Client {
 public:
  struct Options {
    bool else_next = false;  // a path without a file goes on to the next route
  };

  // Requires: the site, the loop and the helpers outlive it.
  FilesHandler(net::Loop& loop, net::Helpers& helpers, FileSite& site, const Options& options);
  ~FilesHandler();

  void start(http::Exchange& exchange) override;
  void cancel(http::Exchange& exchange) override;

  // Answers with `status` and the content of the file that `path` (as in a request) names; false,
  // and nothing was touched, when there is none that can be sent now. Never waits for a helper.
  bool respond_with_page(http::Exchange& exchange, int status, std::string_view path);

 private:
  class ListingJob;
  // Between an exchange that waits for a listing and the job that makes it; touched on the loop's
  // thread only.
  struct Waiting;

  void answer_other_method(http::Exchange& exchange);
  bool names_nothing(const http::Exchange& exchange);
  Opened open(const RequestPath& path);
  void serve_by_path(http::Exchange& exchange);
  void serve_opened(http::Exchange& exchange, Opened opened);
  void refuse(http::Exchange& exchange, const Opened& opened);
  bool serve_fallback(http::Exchange& exchange);
  void serve_listing(http::Exchange& exchange, Opened opened);
  void finish_listing(http::Exchange& exchange, int error, Ref<FileEntry> entry);
  void redirect_to_directory(http::Exchange& exchange);
  void answer(http::Exchange& exchange, const cache::Pin& pin);
  void answer_untagged(http::Exchange& exchange, const cache::Pin& pin);
  void on_hashed(http::Exchange& exchange, FileEntry& entry, FileHash::Outcome outcome) override;
  void send(http::Exchange& exchange, const cache::Pin& pin);

  const cache::Pin* find_fresh(std::string_view key);
  const cache::Pin* find_anywhere(std::string_view key);
  bool is_fresh(FileEntry& entry);
  const cache::Pin& adopt(Ref<cache::Entry> entry);
  cache::Pin keep(Ref<FileEntry> entry);
  cache::Pin keep_tagged(const FileEntry& untagged, const ContentTag& tag);
  void on_timer() override;

  FileSite& site_;
  const Options options_;
  FileReading reading_;
  cache::WorkerIndex index_;
  RequestPath path_;  // scratch of the request that is being started
  std::vector<Ref<Waiting>> waiting_;
  TagWaits tag_waits_;
};

}  // namespace sluice::handler
