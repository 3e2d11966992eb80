// Setting up a site, and saying what is wrong with a folder in words for the person who named it.
#include "server/handler/files/file_site.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "server/handler/files/media_types.h"
#include "server/handler/files/opening.h"
#include "server/handler/files/request_path.h"

namespace sluice::handler {

namespace {

std::string system_text(int error) { return std::generic_category().message(error); }

std::string quoted(const std::string& path) { return "'" + path + "'"; }

std::string directory_advice(const std::string& path, int error) {
  switch (error) {
    case ENOENT:
      return "there is no folder " + quoted(path) +
             ": create it, or check the path for a typing error";
    case ENOTDIR:
      return quoted(path) + " is not a folder: serve the folder that it lies in";
    case EACCES:
      return "may not read folder " + quoted(path) +
             ": allow this user to (chmod o+rx, on the folders above too), or start as its owner";
    case ELOOP:
      return quoted(path) + " is a symbolic link that leads to itself: point it at a folder";
    default:
      return "cannot open folder " + quoted(path) + ": " + system_text(error);
  }
}

// Whether a visitor could see anything in it.
bool shows_something(DIR* directory) {
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name.front() != '.' || name == ".well-known") return true;
  }
  return false;
}

// A window of less than a page would be touched more often than it is sent.
FileSite::Options sensible(FileSite::Options options) {
  options.limits.file_window = std::max<uint64_t>(options.limits.file_window, 4096);
  return options;
}

}  // namespace

FileSite::FileSite(Options options, FileResources& resources)
    : options_(sensible(std::move(options))),
      rules_(options_.cache),
      resources_(resources),
      scope_(resources.take_scope()),
      root_(options_.directory) {}

FileSite::~FileSite() { drop_all(); }

std::string FileSite::open() {
  resources_.watch().start();
  if (options_.directory.empty()) return "no folder is named: name one, as in `sluice serve .`";
  if (const int error = root_.open(); error != 0) return directory_advice(root_.path(), error);
  const int descriptor =
      open_below(root_.current()->descriptor(), ".", O_RDONLY | O_DIRECTORY, false);
  if (descriptor < 0) {
    const int error = errno;
    return error == ENOSYS || error == EPERM ? openat2_advice(error)
                                             : directory_advice(root_.path(), error);
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(descriptor), &::closedir);
  if (!directory) return directory_advice(root_.path(), errno);
  if (!shows_something(directory.get())) {
    return "folder " + quoted(root_.path()) +
           " is empty (names that start with a dot are not served): put an index.html there";
  }
  return {};
}

std::string openat2_advice(int error) {
  const std::string need = "Sluice keeps requests inside the folder with the system call openat2, ";
  if (error == ENOSYS) {
    return need +
           "which this kernel or sandbox does not have: it takes Linux 5.6, and in a container "
           "a seccomp profile that knows it (Docker 20.10.10, or --security-opt "
           "seccomp=unconfined)";
  }
  return need + "which a sandbox refuses (" + system_text(error) +
         "): allow openat2 in its seccomp profile (in Docker: --security-opt seccomp=unconfined)";
}

void FileSite::check_root_now(net::Time now) {
  if (root_.check(now)) drop_all();
}

bool FileSite::has_moved_since(uint64_t generation, net::Time now) {
  if (root_.check_for_certain(now)) drop_all();
  return root_.generation() != generation;
}

void FileSite::drop_all() {
  resources_.store().drop_scope(scope_);
  resources_.watch().forget_scope(scope_);
}

cache::Freshness FileSite::freshness(std::string_view path, std::string_view file,
                                     std::string_view media_type) const {
  std::string file_path = options_.strip + "/";
  append_encoded(file_path, file);
  const std::optional<size_t> rule = rules_.find(path, file_path);
  return rule ? rules_.freshness(*rule) : cache::built_in_freshness(path, media_type);
}

std::string_view FileSite::media_type(std::string_view name) const {
  if (!options_.media_types.empty()) {
    const auto own = options_.media_types.find(extension_of(name));
    if (own != options_.media_types.end()) return own->second;
  }
  return media_type_of(name);
}

}  // namespace sluice::handler
