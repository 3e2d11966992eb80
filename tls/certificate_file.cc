// Opening says most of what can be wrong; each way has its own words.
#include "tls/certificate_file.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "tls/certificate.h"

namespace sluice::tls {

namespace {

// One of the two files; closes itself.
class File {
 public:
  File(const std::string& path, CertificateProblems& problems)
      : path_(path),
        problems_(problems),
        // Without O_NONBLOCK a pipe without a writer would be waited for.
        descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor_ < 0) add_error_of_open(errno);
  }
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }

  // False, with the error added, for what is no file of a size that is to be expected.
  [[nodiscard]] bool read(std::string& text);

  // A key must be its owner's; a group that reads is how a server without root gets it.
  void warn_of_mode() {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0 || (status.st_mode & (S_IRWXO | S_IWGRP)) == 0) return;
    problems_.push_back({CertificateFlaw::others_may_read, false,
                         path_ + ": holds a private key, and others than its owner may " +
                             ((status.st_mode & S_IRWXO) != 0 ? "use" : "replace") +
                             " it: `chmod 600 " + shell_word(path_) + "`"});
  }

 private:
  void add(CertificateFlaw flaw, const std::string& text) {
    problems_.push_back({flaw, true, path_ + ": " + text});
  }
  void add_error_of_open(int error);

  const std::string& path_;
  CertificateProblems& problems_;
  int descriptor_;
};

void File::add_error_of_open(int error) {
  if (error == ENOENT || error == ENOTDIR) {
    add(CertificateFlaw::missing, "there is no such file");
  } else if (error == EACCES || error == EPERM) {
    add(CertificateFlaw::unreadable,
        "this process (user " + std::to_string(::geteuid()) +
            ") may not read it: let it by the file's owner or group, and those of its folders");
  } else {
    add(CertificateFlaw::unreadable,
        std::string("cannot be opened (") + std::strerror(error) + ")");
  }
}

bool File::read(std::string& text) {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
    add(CertificateFlaw::no_file, S_ISDIR(status.st_mode)
                                      ? "is a folder, where a PEM file was expected"
                                      : "is a device or a pipe, where a PEM file was expected");
    return false;
  }
  text.resize(kCertificateFileSize + 1);
  size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(descriptor_, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      add(CertificateFlaw::unreadable,
          std::string("cannot be read (") + std::strerror(errno) + ")");
      return false;
    }
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  text.resize(size);
  if (size > kCertificateFileSize) {
    add(CertificateFlaw::too_large,
        "has more than 256 KiB, where a PEM file of a few was expected");
  } else if (text.find_first_not_of(" \t\r\n") == std::string::npos) {
    add(CertificateFlaw::empty, "is empty");
  } else {
    return true;
  }
  return false;
}

bool holds_key(std::string_view text) {
  return text.find("PRIVATE KEY-----") != std::string_view::npos;
}

}  // namespace

CertificateTexts::~CertificateTexts() {
  OPENSSL_cleanse(chain.data(), chain.size());
  OPENSSL_cleanse(key.data(), key.size());
}

bool read_certificate_files(const std::string& chain_path, const std::string& key_path,
                            CertificateTexts& texts, CertificateProblems& problems) {
  File chain(chain_path, problems);
  if (chain_path == key_path) {
    if (!chain.is_open() || !chain.read(texts.chain)) return false;
    texts.key = texts.chain;
    chain.warn_of_mode();
    return true;
  }
  File key(key_path, problems);
  const bool chain_read = chain.is_open() && chain.read(texts.chain);
  const bool key_read = key.is_open() && key.read(texts.key);
  if (chain_read && holds_key(texts.chain)) chain.warn_of_mode();
  if (key_read && (holds_key(texts.key) || !holds_key(texts.chain))) key.warn_of_mode();
  return chain_read && key_read;
}

}  // namespace sluice::tls
