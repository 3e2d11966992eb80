// The lock is a file of its own, so that it stays where it is when the others are replaced. The
// kernel frees it when its holder ends, however that comes about.
#include "tls/private_folder.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tls/certificate.h"

namespace sluice::tls {

namespace {

constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;

std::string with_reason(const std::string& what, int error) {
  return what + " (" + std::strerror(error) + ")";
}

std::string owned_by(uid_t owner) {
  return "belongs to user " + std::to_string(owner) + ", and this process runs as user " +
         std::to_string(::geteuid());
}

// Run by root with another user's HOME (as sudo may leave it), folders made here would shut that
// user out: looks at what is there of `path`, from the end.
bool root_is_at_home(const std::string& path, std::string& error) {
  if (::geteuid() != 0) return true;
  std::string there = path;
  struct stat status {};
  while (!there.empty() && ::stat(there.c_str(), &status) != 0) there.resize(there.rfind('/'));
  if (there.empty() || status.st_uid == 0) return true;
  error = there + " " + owned_by(status.st_uid) +
          ": run it as that user, or set XDG_DATA_HOME to a folder of root's";
  return false;
}

bool make_folders(const std::string& path, std::string& error) {
  for (size_t end = 1; end != std::string::npos;) {
    end = path.find('/', end + 1);
    const std::string folder = path.substr(0, end);
    if (::mkdir(folder.c_str(), kFolderMode) == 0 || errno == EEXIST) continue;
    // Above a folder that is there, some file systems say other things than EEXIST.
    const int reason = errno;
    struct stat status {};
    if (::stat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) continue;
    error = with_reason("cannot make the folder " + folder, reason) +
            ": set XDG_DATA_HOME to a folder that this user may write to";
    return false;
  }
  return true;
}

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return descriptor_; }

 private:
  int descriptor_;
};

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(file, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    text.remove_prefix(static_cast<size_t>(wrote));
  }
  return true;
}

// At most one octet more than a file may have.
bool read_all(int file, std::string& text) {
  text.resize(kCertificateFileSize + 1);
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  text.resize(size);
  return true;
}

// What keeps the file from being used; empty when nothing does.
std::string complaint_of(const struct stat& status, bool secret, const std::string& path) {
  if (!S_ISREG(status.st_mode)) return path + " is no regular file: remove it";
  if (status.st_uid != ::geteuid())
    return path + " " + owned_by(status.st_uid) +
           ": run it as that user, or set XDG_DATA_HOME to another folder";
  if (secret && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return path + " holds a private key, and others than its owner may read it: `chmod 600 " +
           shell_word(path) + "`, or remove it where others use this machine";
  if (static_cast<size_t>(status.st_size) > kCertificateFileSize)
    return path + " is too large to be what was written there: remove it";
  return {};
}

}  // namespace

PrivateFolder::~PrivateFolder() {
  if (lock_ >= 0) ::close(lock_);
  ::close(folder_);
}

std::string PrivateFolder::path(std::string_view name) const {
  return path_ + "/" + std::string(name);
}

std::unique_ptr<PrivateFolder> PrivateFolder::open(const std::string& path, std::string& error) {
  if (!path.starts_with('/')) {
    error = "\"" + path + "\" is no absolute path of a folder";
    return nullptr;
  }
  if (!root_is_at_home(path, error) || !make_folders(path, error)) return nullptr;
  const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) {
    error = with_reason("cannot open the folder " + path, errno);
    return nullptr;
  }
  std::unique_ptr<PrivateFolder> opened(new PrivateFolder(path, folder));
  return opened->take(error) ? std::move(opened) : nullptr;
}

bool PrivateFolder::take(std::string& error) {
  struct stat status {};
  if (::fstat(folder_, &status) != 0 || status.st_uid != ::geteuid()) {
    error = path_ + " " + owned_by(status.st_uid) +
            ": run it as that user, or set XDG_DATA_HOME to another folder";
    return false;
  }
  // Where it cannot be changed it cannot be written to either.
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0 && ::fchmod(folder_, kFolderMode) != 0 &&
      (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    error =
        with_reason(path_ + " may be written to by others, and cannot be closed to them", errno);
    return false;
  }
  lock_ = ::openat(folder_, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kFileMode);
  // What nobody can write to needs no lock.
  if (lock_ < 0 && ::faccessat(folder_, ".", W_OK, AT_EACCESS) != 0) return true;
  int failed = lock_ < 0 ? -1 : ::flock(lock_, LOCK_EX);
  while (failed != 0 && lock_ >= 0 && errno == EINTR) failed = ::flock(lock_, LOCK_EX);
  if (failed != 0) error = with_reason("cannot lock " + path("lock"), errno);
  return failed == 0;
}

PrivateFolder::Reading PrivateFolder::read(std::string_view name, bool secret, std::string& text,
                                           std::string& error) const {
  const Descriptor file(
      ::openat(folder_, std::string(name).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0) {
    if (errno == ENOENT) return Reading::missing;
    error = with_reason("cannot open " + path(name), errno);
    return Reading::failed;
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    error = with_reason("cannot look at " + path(name), errno);
    return Reading::failed;
  }
  error = complaint_of(status, secret, path(name));
  if (!error.empty()) return Reading::failed;
  if (read_all(file.get(), text)) return Reading::whole;
  error = with_reason("cannot read " + path(name), errno);
  return Reading::failed;
}

bool PrivateFolder::write(std::string_view name, std::string_view text, std::string& error) const {
  const std::string final_name(name);
  const std::string draft = final_name + ".new";
  ::unlinkat(folder_, draft.c_str(), 0);  // of a process that ended while it wrote
  const Descriptor file(::openat(folder_, draft.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kFileMode));
  if (file.get() >= 0 && write_all(file.get(), text) && ::fsync(file.get()) == 0 &&
      ::renameat(folder_, draft.c_str(), folder_, final_name.c_str()) == 0 && ::fsync(folder_) == 0)
    return true;
  error = with_reason("cannot write " + path(name), errno) +
          ": make room there, or set XDG_DATA_HOME to a folder that this user may write to";
  if (file.get() >= 0) ::unlinkat(folder_, draft.c_str(), 0);
  return false;
}

}  // namespace sluice::tls
