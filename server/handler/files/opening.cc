// Opening, looking, and reading small files whole.
//
// How a held body is one version, whole: its identity must be equal before and after reading. A
// file that changed less than file_settle ago may change again within its times' granularity, so it
// is read twice and the copies compared, and its entry is not kept. Where no such moment is found
// in three tries, it goes from its descriptor.
#include "server/handler/files/opening.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "server/handler/files/content_tag.h"
#include "server/handler/files/file_representation.h"

namespace sluice::handler {

namespace {

constexpr int kReadFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY;

// A file that is sent from its descriptor.
class ServedFile final : public OpenFile {
 public:
  ServedFile(net::Descriptor descriptor, uint64_t size) noexcept
      : OpenFile(descriptor.release(), size) {}

 private:
  ~ServedFile() override { ::close(descriptor()); }
};

std::optional<struct stat> status_of(int descriptor) noexcept {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) return std::nullopt;
  return status;
}

constexpr int kShort = -1;

// Reads the octets [0, room.size()). Returns 0, kShort when there are fewer, or errno.
int read_whole(int descriptor, std::span<char> room) noexcept {
  size_t done = 0;
  while (done < room.size()) {
    const ssize_t count =
        ::pread(descriptor, room.data() + done, room.size() - done, static_cast<off_t>(done));
    if (count == 0) return kShort;
    if (count < 0 && errno != EINTR) return errno;
    if (count > 0) done += static_cast<size_t>(count);
  }
  return 0;
}

// One path, being opened.
class Opening {
 public:
  Opening(FileSite& site, const RequestPath& path, net::Time now)
      : site_(site), path_(path), now_(now), root_(site.root().current()) {}

  Opened open() {
    if (!root_) return refused(503, "served folder is missing");
    Opened result = path_.lacks_slash() ? Opened{.kind = Opened::Kind::redirect}
                    : path_.directory   ? open_directory()
                                        : open_file();
    result.root = std::move(root_);
    return result;
  }

  Opened open_fallback() {
    fallback_ = true;
    return open();
  }

 private:
  static Opened refused(int status, std::string_view cause) {
    return {.kind = Opened::Kind::refused, .status = status, .cause = cause};
  }

  Opened refused_by_system(int error) {
    if (error == EMFILE || error == ENFILE) site_.store().evict_descriptors();
    const Refusal refusal = refusal_of(error);
    Opened result = refused(refusal.status, refusal.cause);
    result.missing = refusal.missing;
    return result;
  }

  int open_below_root(const std::string& path, int flags) const noexcept {
    return open_below(root_->descriptor(), path, flags, site_.options().follow_symlinks);
  }

  Opened open_file() {
    net::Descriptor file(open_below_root(path_.relative, kReadFlags));
    if (file.get() < 0) return not_opened(errno);
    const std::optional<struct stat> status = status_of(file.get());
    if (!status) return refused_by_system(errno);
    if (S_ISDIR(status->st_mode)) return open_folder_without_slash();
    if (!S_ISREG(status->st_mode)) return refused(404, "not a regular file");
    return describe(std::move(file), path_.relative, false);
  }

  // A directory that may be entered but not read can still hold an index file.
  Opened not_opened(int error) {
    if (error == EACCES) {
      const net::Descriptor found(open_below_root(path_.relative, O_PATH | O_DIRECTORY));
      if (found.get() >= 0) return open_folder_without_slash();
    }
    if (error == ENOENT && site_.options().clean_urls) {
      if (Opened page = open_page(); page.kind == Opened::Kind::file) return page;
    }
    return refused_by_system(error);
  }

  // The page that a clean URL stands for. Whether it is still the one to answer, its own state does
  // not tell: a file of the plain name comes before it.
  Opened open_page() {
    std::string name = path_.relative + ".html";
    net::Descriptor file(open_below_root(name, kReadFlags));
    if (file.get() < 0) return refused_by_system(errno);
    const std::optional<struct stat> status = status_of(file.get());
    if (!status || !S_ISREG(status->st_mode)) return refused(404, "not a regular file");
    return describe(std::move(file), std::move(name), true);
  }

  // A page comes before the folder of its name: sites have both blog.html and blog/first.html. A
  // folder that would show nothing is as good as none.
  Opened open_folder_without_slash() {
    if (site_.options().clean_urls) {
      if (Opened page = open_page(); page.kind == Opened::Kind::file) return page;
    }
    if (site_.options().listing || has_index()) return {.kind = Opened::Kind::redirect};
    return nothing_to_show();
  }

  bool has_index() const noexcept {
    for (const std::string& name : site_.options().index) {
      const net::Descriptor found(open_below_root(path_.relative + "/" + name, O_PATH));
      if (found.get() >= 0) return true;
    }
    return false;
  }

  static Opened nothing_to_show() {
    Opened result = refused(404, "folder has no index file, and no listing");
    result.missing = true;
    return result;
  }

  Opened open_directory() {
    const std::string prefix = path_.relative.empty() ? "" : path_.relative + "/";
    for (const std::string& name : site_.options().index) {
      const std::string index = prefix + name;
      net::Descriptor file(open_below_root(index, kReadFlags));
      if (file.get() < 0) {
        if (errno == ENOENT || errno == ENOTDIR) continue;
        return refused_by_system(errno);
      }
      const std::optional<struct stat> status = status_of(file.get());
      if (!status || !S_ISREG(status->st_mode)) continue;
      // The second name answers only while the first is not there, which its own state does not
      // tell.
      return describe(std::move(file), index, name != site_.options().index.front());
    }
    const std::string& path = path_.relative;
    if (!site_.options().listing) return nothing_to_show();
    net::Descriptor directory(open_below_root(path.empty() ? "." : path, O_RDONLY | O_DIRECTORY));
    if (directory.get() < 0) return refused_by_system(errno);
    return {.kind = Opened::Kind::directory, .directory = std::move(directory)};
  }

  // Makes the entry of a regular file. The stamp is read before the file is looked at: a change
  // that comes later moves it.
  Opened describe(net::Descriptor file, std::string name, bool check_by_opening) {
    FileEntry::Facts facts{.path = std::move(name), .check_by_opening = check_by_opening};
    facts.fallback = fallback_;
    facts.root_generation = root_->generation();
    facts.stamp = site_.watch(directory_of(facts.path));
    facts.seen = facts.stamp ? facts.stamp->changes() : 0;
    std::optional<struct stat> status = status_of(file.get());
    if (!status) return refused_by_system(errno);
    Ref<SharedBody> body;
    const bool small = static_cast<uint64_t>(status->st_size) <= site_.limits().held_file;
    if (small) body = hold(file.get(), *status);
    if (read_error_ > 0) return refused_by_system(read_error_);
    facts.identity = identity_of(*status);
    facts.settled = settled(facts.identity);
    Opened result{.kind = Opened::Kind::file};
    Ref<cache::Representation> made =
        body ? represent_held(facts, std::move(body)) : represent_file(facts, std::move(file));
    result.entry = Ref<FileEntry>::adopt(
        new FileEntry(path_.key, site_.scope(), std::move(made), std::move(facts), now_));
    return result;
  }

  std::string directory_of(const std::string& name) const {
    const size_t slash = name.rfind('/');
    const std::string& root = site_.root().path();
    return slash == std::string::npos ? root : root + "/" + name.substr(0, slash);
  }

  // The file's octets, and in `status` the state they are of; null when it does not hold still, or
  // cannot be read.
  Ref<SharedBody> hold(int file, struct stat& status) {
    for (int attempts = 0; attempts < 3; ++attempts) {
      const FileIdentity before = identity_of(status);
      if (before.size > site_.limits().held_file) return {};
      const auto size = static_cast<size_t>(before.size);
      Ref<SharedBody> body = Ref<SharedBody>::adopt(new SharedBody());
      const std::span<char> room(size > 0 ? body->prepare(size) : nullptr, size);
      read_error_ = read_whole(file, room);
      if (read_error_ > 0 || ::fstat(file, &status) != 0) return {};
      if (read_error_ != 0 || identity_of(status) != before) continue;
      if (!settled(before) && !reads_the_same_again(file, room)) continue;
      held_tag_ = tag_of({room.data(), size});
      if (size > 0) body->publish();
      return body;
    }
    return {};
  }

  static bool reads_the_same_again(int file, std::span<const char> first) {
    const auto again = std::make_unique_for_overwrite<char[]>(first.size());
    const std::span<char> second(again.get(), first.size());
    return read_whole(file, second) == 0 && std::ranges::equal(first, second);
  }

  // Whether its times lie far enough from now, on either side, for them to tell the next change.
  bool settled(const FileIdentity& identity) const {
    using std::chrono::nanoseconds, std::chrono::seconds;
    const nanoseconds now = std::chrono::system_clock::now().time_since_epoch();
    const auto away = [&](int64_t second, int64_t nanosecond) {
      // Compared in seconds first: a time of another century would not fit in nanoseconds.
      const int64_t distance = std::chrono::floor<seconds>(now).count() - second;
      if (distance > 1'000'000 || distance < -1'000'000) return true;
      const nanoseconds age = now - seconds(second) - nanoseconds(nanosecond);
      return std::chrono::abs(age) >= site_.limits().file_settle;
    };
    return away(identity.modified_seconds, identity.modified_nanoseconds) &&
           away(identity.changed_seconds, identity.changed_nanoseconds);
  }

  // What is sent from its descriptor has a tag if it was hashed before, and while its times tell
  // the next change.
  Ref<cache::Representation> represent_file(FileEntry::Facts& facts, net::Descriptor file) const {
    const FileIdentity& identity = facts.identity;
    facts.windows = identity.size / site_.limits().file_window + 1;
    facts.tail = tail_of(file.get(), identity.size);
    std::optional<ContentTag> tag;
    if (facts.settled && may_have_tag(identity)) {
      tag = site_.tags().find(identity);
      facts.wants_tag = !tag;
    }
    return represent(site_, path_.key, facts, tag ? tag->view() : std::string_view(),
                     Ref<OpenFile>::adopt(new ServedFile(std::move(file), identity.size)));
  }

  Ref<cache::Representation> represent_held(const FileEntry::Facts& facts,
                                            Ref<SharedBody> body) const {
    const bool tagged = may_have_tag(facts.identity);
    return represent(site_, path_.key, facts, tagged ? held_tag_.view() : std::string_view(),
                     std::move(body));
  }

  bool may_have_tag(const FileIdentity& identity) const noexcept {
    return identity.size <= site_.limits().etag_hash_max;
  }

  // Enough octets that a rewrite with others in this place is noticed.
  static std::string tail_of(int file, uint64_t size) {
    static constexpr uint64_t kTail = 64;
    std::string tail(static_cast<size_t>(std::min(size, kTail)), '\0');
    const auto offset = static_cast<off_t>(size - tail.size());
    const ssize_t count = ::pread(file, tail.data(), tail.size(), offset);
    return count == static_cast<ssize_t>(tail.size()) ? tail : std::string();
  }

  FileSite& site_;
  const RequestPath& path_;
  const net::Time now_;
  Ref<OpenRoot> root_;
  bool fallback_ = false;
  int read_error_ = 0;        // of the last read: 0, kShort or errno
  ContentTag held_tag_ = {};  // of the last body that was held
};

}  // namespace

Opened open_path(FileSite& site, const RequestPath& path, net::Time now) {
  return Opening(site, path, now).open();
}

Opened open_fallback(FileSite& site, net::Time now) {
  const RequestPath root{.relative = {}, .key = std::string(kFallbackKey), .directory = true};
  return Opening(site, root, now).open_fallback();
}

bool is_unchanged(FileSite& site, const FileEntry& entry) {
  const Ref<OpenRoot> root = site.root().current();
  if (!root || root->generation() != entry.root_generation()) return false;
  struct stat status {};
  if (::fstatat(root->descriptor(), entry.path().c_str(), &status, AT_NO_AUTOMOUNT) != 0)
    return false;
  return identity_of(status) == entry.identity();
}

Refusal refusal_of(int error) noexcept {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return {404, "no such file", true};
    case ELOOP:
    case EXDEV:
      return {404, "path leads out of the served folder"};
    case ENAMETOOLONG:
    case EINVAL:
      return {404, "no name that a file can have", true};
    case ENXIO:
    case ENODEV:
      return {404, "not a regular file"};
    case EACCES:
    case EPERM:
      return {403, "file may not be read"};
    case EMFILE:
    case ENFILE:
      return {503, "no descriptor left to open the file"};
    case ENOMEM:
    case ENOBUFS:
      return {503, "no memory left to open the file"};
    case EAGAIN:
    case ESTALE:
      return {503, "file is being moved or leased"};
    default:
      return {500, "file system error"};
  }
}

int open_below(int directory, const std::string& path, int flags, bool follow_symlinks) noexcept {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_NO_MAGICLINKS | (follow_symlinks ? 0 : RESOLVE_BENEATH);
  // EAGAIN: something was renamed while the kernel looked for an escape; EINTR: a slow file system.
  for (int attempts = 0; attempts < 16; ++attempts) {
    const long opened = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
    if (opened >= 0) return static_cast<int>(opened);
    if (errno != EAGAIN && errno != EINTR) return -1;
  }
  return -1;
}

}  // namespace sluice::handler
