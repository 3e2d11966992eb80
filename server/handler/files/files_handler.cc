// Finding, checking and sending what a request for a file asks for.
#include "server/handler/files/files_handler.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "protocol/target.h"
#include "server/handler/files/file_representation.h"
#include "server/handler/files/listing.h"
#include "server/handler/files/navigation.h"
#include "server/handler/held_source.h"
#include "server/http/representation_response.h"

namespace sluice::handler {

namespace {

constexpr std::string_view kAllow = "GET, HEAD, OPTIONS";
constexpr std::string_view kHtmlListing = "text/html; charset=utf-8";
constexpr std::string_view kJsonListing = "application/json";

// How long an idle worker may pin what the store dropped, and a deleted file its space: five times
// as long as an entry that is used goes unchecked.
std::chrono::milliseconds sweep_interval(const conf::Limits& limits) noexcept {
  return std::max(limits.file_check * 5, std::chrono::milliseconds(100));
}

// A file that has no name any more is kept on disk by our descriptor alone: deleting it must free
// its space.
bool is_deleted(const cache::Entry& entry) noexcept {
  const OpenFile* file = entry.representation().file();
  struct stat status {};
  return file != nullptr && ::fstat(file->descriptor(), &status) == 0 && status.st_nlink == 0;
}

FileEntry& entry_of(const cache::Pin& pin) noexcept { return static_cast<FileEntry&>(*pin.entry); }

// Where a listing of this order and form is stored. Keys of files hold no '?'.
std::string listing_key(const std::string& path, const ListingOrder& order, bool json) {
  std::string key = path + "?";
  key += json ? 'j' : 'h';
  key += static_cast<char>('0' + static_cast<int>(order.sort));
  key += order.descending ? 'd' : 'a';
  return key;
}

// A folder's path as people read it: decoded, with the prefix that is not the folder's own.
std::string shown_path(const std::string& key) {
  std::string path(key.size(), '\0');
  size_t length = 0;
  if (!decode_path(key, path, length)) length = 0;
  path.resize(length);
  return path;
}

// What a pin holds, as sources: slices of memory, or ranges of the file. During one call.
class FileBody final : public http::StoredBody {
 public:
  FileBody(const FileReading& reading, const cache::Pin& pin) : reading_(reading), pin_(pin) {}

  BodySourcePointer source(http::Exchange& exchange, uint64_t begin, uint64_t end,
                           bool only) override {
    if (pin_.entry->representation().body() != nullptr) {
      const auto first = static_cast<size_t>(begin);
      const auto last = static_cast<size_t>(end);
      if (only) return exchange.emplace_source<HeldSource>(pin_, first, last);
      return BodySourcePointer(new HeldSource(pin_, first, last));
    }
    if (only) return exchange.emplace_source<FileSource>(exchange, reading_, pin_, begin, end);
    return BodySourcePointer(new FileSource(exchange, reading_, pin_, begin, end));
  }

 private:
  const FileReading& reading_;
  const cache::Pin& pin_;
};

}  // namespace

struct FilesHandler::Waiting final : SharedOwner {
  Waiting(FilesHandler* its_handler, http::Exchange* its_exchange)
      : handler(its_handler), exchange(its_exchange) {}
  FilesHandler* handler;  // null when it, or the exchange, has ended
  http::Exchange* exchange;
  std::atomic<bool> wanted{true};  // for the helper, which may look at nothing else here
};

// Reads a folder and renders it, on a helper thread. Owns all that it works on.
class FilesHandler::ListingJob final : public net::Job {
 public:
  struct Task {
    std::string key;
    std::string path;  // decoded, with slashes at both ends
    ListingOrder order;
    bool json;
    size_t max_entries;
    bool follow_symlinks;
    Ref<OpenRoot> root;
    FileEntry::Facts facts;
    cache::Freshness freshness;
    uint64_t scope;
    net::Time now;
  };

  ListingJob(Ref<Waiting> waiting, Task task)
      : waiting_(std::move(waiting)), task_(std::move(task)) {}

  // Opens the folder only now: what waits in the queue holds no descriptor. Nobody waits any more
  // for most of what clients that connect and reset have asked for.
  void perform() override {
    if (!waiting_->wanted.load(std::memory_order_relaxed)) return;
    const std::string& path = task_.facts.path;
    net::Descriptor directory(open_below(task_.root->descriptor(), path.empty() ? "." : path,
                                         O_RDONLY | O_DIRECTORY, task_.follow_symlinks));
    if (directory.get() < 0) {
      error_ = errno;
      return;
    }
    const ListingPlace place{.root = task_.root->descriptor(),
                             .relative = task_.facts.path,
                             .follow_symlinks = task_.follow_symlinks};
    Listing listing = read_listing(std::move(directory), place, task_.max_entries);
    error_ = listing.error;
    if (error_ != 0) return;
    sort_listing(listing, task_.order);
    std::string page = task_.json ? listing_json(listing, task_.path)
                                  : listing_html(listing, task_.path, task_.order);
    entry_ = Ref<FileEntry>::adopt(new FileEntry(
        std::move(task_.key), task_.scope, represent(task_.json, std::move(page), task_.freshness),
        std::move(task_.facts), task_.now));
  }

  void deliver() override {
    FilesHandler* handler = waiting_->handler;
    if (handler == nullptr) return;
    std::erase_if(handler->waiting_,
                  [this](const Ref<Waiting>& other) { return other.get() == waiting_.get(); });
    handler->finish_listing(*waiting_->exchange, error_, std::move(entry_));
  }

 private:
  static Ref<cache::Representation> represent(bool json, std::string page,
                                              const cache::Freshness& freshness) {
    const ContentTag tag = tag_of(page);
    const cache::Metadata about{.validators = {.entity_tag = tag.view()}, .freshness = freshness};
    Ref<SharedBody> body = Ref<SharedBody>::adopt(new SharedBody());
    body->append(page);
    if (json) {
      return cache::Representation::of_memory(
          200, {{"Content-Type", kJsonListing}, {"Vary", "Accept"}}, std::move(body), about);
    }
    return cache::Representation::of_memory(
        200,
        {{"Content-Type", kHtmlListing},
         {"Vary", "Accept"},
         // The names in the page are other people's: should one ever get through the escaping, it
         // runs nothing.
         {"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"}},
        std::move(body), about);
  }

  const Ref<Waiting> waiting_;
  Task task_;
  int error_ = 0;
  Ref<FileEntry> entry_;
};

FilesHandler::FilesHandler(net::Loop& loop, net::Helpers& helpers, FileSite& site,
                           const Options& options)
    : site_(site),
      options_(options),
      reading_{.loop = loop, .helpers = helpers, .limits = site.limits()},
      index_(site.store()),
      tag_waits_(*this, reading_, site.tags()) {}

FilesHandler::~FilesHandler() {
  for (const Ref<Waiting>& waiting : waiting_) {
    waiting->handler = nullptr;
    waiting->wanted.store(false, std::memory_order_relaxed);
  }
}

void FilesHandler::start(http::Exchange& exchange) {
  const RequestHead& request = exchange.request();
  if (request.method != Method::get && request.method != Method::head) {
    return answer_other_method(exchange);
  }
  site_.check_root(reading_.loop.now());
  if (const cache::Pin* found = find_fresh(request.path)) return answer(exchange, *found);
  serve_by_path(exchange);
}

// A method that is not for files may be for the next route, which has every path without one.
void FilesHandler::answer_other_method(http::Exchange& exchange) {
  if (options_.else_next && names_nothing(exchange) && exchange.pass_on()) return;
  switch (exchange.request().method) {
    case Method::options:
      return http::respond_with_status(exchange, 204, "", kAllow);
    case Method::other:
      return http::respond_with_status(exchange, 501, "method is not known");
    default:
      return http::respond_with_status(exchange, 405, "method is not for files", kAllow);
  }
}

// Nothing is said to be missing before the root was looked at: a deployment may have put another
// folder in its place just now (`ln -sfn`), and the one before is gone.
Opened FilesHandler::open(const RequestPath& path) {
  Opened opened = open_path(site_, path, reading_.loop.now());
  if (!opened.missing || !opened.root) return opened;
  if (!site_.has_moved_since(opened.root->generation(), reading_.loop.now())) return opened;
  return open_path(site_, path, reading_.loop.now());
}

// Whether there is neither a file nor a folder to show by the request's path.
bool FilesHandler::names_nothing(const http::Exchange& exchange) {
  const std::string_view path = exchange.request().path;
  if (read_request_path(path, site_.options().strip, path_) != PathVerdict::good) return false;
  site_.check_root(reading_.loop.now());
  if (find_anywhere(path_.key) != nullptr) return false;
  Opened opened = open(path_);
  if (opened.kind == Opened::Kind::file) keep(std::move(opened.entry));
  return opened.kind == Opened::Kind::refused && opened.missing;
}

// Not in the index under the path as it came: it may be there by its canonical spelling, or in the
// store. Another spelling is routed anew: "//admin/x" and "/%40admin/x" are files that routes know
// as "/admin/x" and "/@admin/x", and must not get past what these say.
void FilesHandler::serve_by_path(http::Exchange& exchange) {
  switch (read_request_path(exchange.request().path, site_.options().strip, path_)) {
    case PathVerdict::malformed:
      return http::respond_with_status(exchange, 400, "path does not decode to a file name");
    case PathVerdict::hidden:
      return http::respond_with_status(exchange, 404, "names that start with a dot are hidden");
    case PathVerdict::good:
      break;
  }
  if (path_.key != exchange.request().path) return exchange.rewrite(path_.key);
  if (const cache::Pin* found = find_anywhere(path_.key)) return answer(exchange, *found);
  serve_opened(exchange, open(path_));
}

void FilesHandler::serve_opened(http::Exchange& exchange, Opened opened) {
  switch (opened.kind) {
    case Opened::Kind::file:
      return answer(exchange, keep(std::move(opened.entry)));
    case Opened::Kind::directory:
      return serve_listing(exchange, std::move(opened));
    case Opened::Kind::redirect:
      return redirect_to_directory(exchange);
    case Opened::Kind::refused:
      return refuse(exchange, opened);
  }
}

// A single-page application answers a navigation before the next route is asked: in the browser it
// owns every path that no file has.
void FilesHandler::refuse(http::Exchange& exchange, const Opened& opened) {
  const bool fallback = opened.missing && site_.options().spa;
  if (fallback && is_navigation(exchange.request().fields) && serve_fallback(exchange)) return;
  if (opened.missing && options_.else_next && exchange.pass_on()) return;
  if (fallback) exchange.response().fields.add("Vary", kFallbackVary);
  http::respond_with_status(exchange, opened.status, opened.cause);
}

// False when there is no page to fall back to.
bool FilesHandler::serve_fallback(http::Exchange& exchange) {
  if (const cache::Pin* found = find_anywhere(kFallbackKey)) {
    answer(exchange, *found);
    return true;
  }
  Opened opened = open_fallback(site_, reading_.loop.now());
  if (opened.kind == Opened::Kind::file) {
    answer(exchange, keep(std::move(opened.entry)));
    return true;
  }
  if (opened.kind != Opened::Kind::refused || opened.missing) return false;
  http::respond_with_status(exchange, opened.status, opened.cause);
  return true;
}

// `Location` is built from the decoded and merged path, so that it starts with exactly one slash:
// "//host" would lead to another site.
void FilesHandler::redirect_to_directory(http::Exchange& exchange) {
  std::string location = path_.key + "/";
  const RequestHead& request = exchange.request();
  if (request.has_query) location.append("?").append(request.query);
  ResponseHead& head = exchange.response();
  head.status = 301;
  head.storage = copy_of(location);
  head.fields.add("Location", head.storage.view(), FieldId::location);
  exchange.respond();
}

// A listing is kept for file_check like a file, under a key that its order and form are part of.
void FilesHandler::serve_listing(http::Exchange& exchange, Opened opened) {
  const RequestHead& request = exchange.request();
  const ListingOrder order = listing_order(request.query);
  const bool json = prefers_json(request.fields);
  const std::string key = listing_key(path_.key, order, json);
  if (const cache::Pin* found = find_anywhere(key)) return send(exchange, *found);
  if (waiting_.size() >= site_.limits().listings) {
    return http::respond_with_status(exchange, 503, "listings have too much to do");
  }
  const std::string below = path_.relative.empty() ? "" : "/" + path_.relative;
  FileEntry::Facts facts{.path = path_.relative, .check_by_opening = true};
  facts.root_generation = opened.root->generation();
  facts.stamp = site_.watch(site_.root().path() + below);
  facts.seen = facts.stamp ? facts.stamp->changes() : 0;
  const cache::Freshness freshness =
      site_.freshness(path_.key, path_.relative, json ? kJsonListing : kHtmlListing);
  Ref<Waiting> waiting = Ref<Waiting>::adopt(new Waiting(this, &exchange));
  auto job = std::make_unique<ListingJob>(
      waiting, ListingJob::Task{.key = key,
                                .path = shown_path(path_.key),
                                .order = order,
                                .json = json,
                                .max_entries = site_.limits().listing_entries,
                                .follow_symlinks = site_.options().follow_symlinks,
                                .root = std::move(opened.root),
                                .facts = std::move(facts),
                                .freshness = freshness,
                                .scope = site_.scope(),
                                .now = reading_.loop.now()});
  if (!reading_.helpers.submit(std::move(job), reading_.loop)) {
    return http::respond_with_status(exchange, 503, "helpers have too much to do");
  }
  waiting_.push_back(std::move(waiting));
}

void FilesHandler::finish_listing(http::Exchange& exchange, int error, Ref<FileEntry> entry) {
  if (error != 0) {
    const Refusal refusal = refusal_of(error);
    return http::respond_with_status(exchange, refusal.status, refusal.cause);
  }
  send(exchange, keep(std::move(entry)));
}

void FilesHandler::cancel(http::Exchange& exchange) {
  tag_waits_.cancel(exchange);
  for (Ref<Waiting>& waiting : waiting_) {
    if (waiting->exchange != &exchange) continue;
    waiting->handler = nullptr;  // it may end before the job does
    waiting->wanted.store(false, std::memory_order_relaxed);
    std::swap(waiting, waiting_.back());
    waiting_.pop_back();
    return;
  }
}

void FilesHandler::answer(http::Exchange& exchange, const cache::Pin& pin) {
  if (entry_of(pin).wants_tag()) return answer_untagged(exchange, pin);
  send(exchange, pin);
}

// The tag may have been found since the file was opened. If not, a GET has it made: a small file's
// before its answer, a large one's some time. A HEAD does not read for it.
void FilesHandler::answer_untagged(http::Exchange& exchange, const cache::Pin& pin) {
  FileEntry& entry = entry_of(pin);
  if (const std::optional<ContentTag> tag = site_.tags().find(entry.identity())) {
    return send(exchange, keep_tagged(entry, *tag));
  }
  if (exchange.request().method == Method::get) {
    Ref<FileEntry> wanted(&entry);
    if (entry.identity().size > site_.limits().etag_wait) {
      (void)site_.hasher().submit(std::move(wanted));
    } else if (tag_waits_.add(exchange, std::move(wanted))) {
      return;
    }
  }
  send(exchange, pin);
}

// What changed while it was read is opened anew. What could not be read to the end goes without a
// tag: sending it will show what is wrong.
void FilesHandler::on_hashed(http::Exchange& exchange, FileEntry& entry,
                             FileHash::Outcome outcome) {
  if (outcome == FileHash::Outcome::changed) {
    site_.store().drop(entry);
    return serve_by_path(exchange);
  }
  if (const std::optional<ContentTag> tag = site_.tags().find(entry.identity())) {
    return send(exchange, keep_tagged(entry, *tag));
  }
  send(exchange, cache::pin(Ref<cache::Entry>(&entry)));
}

void FilesHandler::send(http::Exchange& exchange, const cache::Pin& pin) {
  FileBody body(reading_, pin);
  http::respond_with_representation(exchange, pin.entry->representation(),
                                    Ref<Owner>(pin.handle.get()), body,
                                    reading_.loop.wall_seconds());
}

// The page's own validators and freshness are those of a 200, and are left out.
bool FilesHandler::respond_with_page(http::Exchange& exchange, int status, std::string_view path) {
  RequestPath page;
  if (read_request_path(path, {}, page) != PathVerdict::good) return false;
  site_.check_root(reading_.loop.now());
  cache::Pin pin;
  if (const cache::Pin* found = find_anywhere(page.key)) {
    pin = *found;
  } else {
    Opened opened = open(page);
    if (opened.kind != Opened::Kind::file) return false;
    pin = keep(std::move(opened.entry));
  }
  const cache::Representation& representation = pin.entry->representation();
  ResponseHead& head = exchange.response();
  head.status = status;
  head.prepared_owner = Ref<Owner>(pin.handle.get());  // of the field's value
  head.fields.add("Content-Type", representation.fields().fields.value(FieldId::content_type),
                  FieldId::content_type);
  exchange.respond(FileBody(reading_, pin).source(exchange, 0, representation.length(), true));
  return true;
}

// In this worker's index. What is found stale is dropped for everybody.
const cache::Pin* FilesHandler::find_fresh(std::string_view key) {
  const cache::Pin* found = index_.find(key);
  if (found == nullptr || is_fresh(entry_of(*found))) return found;
  site_.store().drop(*found->entry);
  index_.forget(key);
  return nullptr;
}

// In this worker's index or in the store.
const cache::Pin* FilesHandler::find_anywhere(std::string_view key) {
  if (const cache::Pin* found = find_fresh(key)) return found;
  Ref<cache::Entry> stored = site_.store().find(key, site_.scope());
  if (!stored) return nullptr;
  if (is_fresh(static_cast<FileEntry&>(*stored))) return &adopt(std::move(stored));
  site_.store().drop(*stored);
  return nullptr;
}

// Whether an entry may be sent: checked within file_check, or found unchanged now.
bool FilesHandler::is_fresh(FileEntry& entry) {
  const net::Time now = reading_.loop.now();
  if (entry.root_generation() != site_.root().generation()) return false;
  if (entry.checked_lately(now, site_.limits().file_check)) return true;
  if (entry.check_by_opening()) return false;
  const uint32_t stamp_count = entry.stamp_count();
  if (!is_unchanged(site_, entry)) return false;
  entry.mark_checked(now, stamp_count);
  return true;
}

const cache::Pin& FilesHandler::adopt(Ref<cache::Entry> entry) {
  if (!armed())
    reading_.loop.timers().set(*this, reading_.loop.now() + sweep_interval(site_.limits()));
  return index_.adopt(std::move(entry));
}

// Stores a new entry and pins it. One that may still change without its times telling is only
// pinned.
cache::Pin FilesHandler::keep(Ref<FileEntry> entry) {
  if (entry->settled() && site_.store().insert(Ref<cache::Entry>(entry.get()))) {
    return adopt(Ref<cache::Entry>(entry.get()));
  }
  return cache::pin(Ref<cache::Entry>(entry.get()));
}

// Of several that waited for one tag, the first keeps the entry that the others find. A file that
// took the place of this one meanwhile stays: nobody sees the older after the newer.
cache::Pin FilesHandler::keep_tagged(const FileEntry& untagged, const ContentTag& tag) {
  Ref<cache::Entry> stored = site_.store().find(untagged.key(), site_.scope());
  if (stored) {
    const auto& other = static_cast<const FileEntry&>(*stored);
    if (other.identity() != untagged.identity()) {
      return cache::pin(Ref<cache::Entry>(with_tag(site_, untagged, tag).get()));
    }
    if (!other.wants_tag()) return adopt(std::move(stored));
  }
  return keep(with_tag(site_, untagged, tag));
}

void FilesHandler::on_timer() {
  index_.drop_if(is_deleted);
  index_.sweep();
  if (index_.size() > 0)
    reading_.loop.timers().set(*this, reading_.loop.now() + sweep_interval(site_.limits()));
}

}  // namespace sluice::handler
