// From a path below the root to what is there: the only code of the files handler that opens
// anything by name.
//
// openat2 under the root's descriptor with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS; what was
// opened is looked at with fstat, and only regular files are served (SECURITY section 4). Makes
// system calls, keeps no state. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/handler/files/file_entry.h"
#include "server/handler/files/file_site.h"
#include "server/handler/files/request_path.h"
#include "server/handler/files/root.h"
#include "server/net/descriptor.h"

namespace sluice::handler {

struct Opened {
  enum class Kind : uint8_t {
    file,       // `entry`
    directory,  // `directory`, readable, without an index file, to be listed
    redirect,   // a directory that was asked for without its slash
    refused,    // `status` and `cause`
  };
  Kind kind = Kind::refused;
  int status = 0;
  std::string_view cause = {};  // static
  bool missing = false;         // refused because nothing that could be shown has this name
  Ref<FileEntry> entry = {};
  net::Descriptor directory = {};
  Ref<OpenRoot> root = {};  // what it was opened under; null when there is none
};

// Opens what `path` names. The entry is for `path.key`.
Opened open_path(FileSite& site, const RequestPath& path, net::Time now);

// What the fallback of a single-page application is stored under. No request's path is that.
inline constexpr std::string_view kFallbackKey = "?fallback";
// Opens the root's first index file as the fallback. The entry is for kFallbackKey.
Opened open_fallback(FileSite& site, net::Time now);

// Whether the path that `entry` was opened by still names the same, unchanged file. Requires:
// !check_by_opening().
bool is_unchanged(FileSite& site, const FileEntry& entry);

// What to answer when the system said `error`, with its reason for the log.
struct Refusal {
  int status;
  std::string_view cause;
  bool missing = false;  // there is no such file
};
Refusal refusal_of(int error) noexcept;

// openat2 below `directory`; the descriptor or -1 and errno. Beneath it only, unless
// `follow_symlinks`.
int open_below(int directory, const std::string& path, int flags, bool follow_symlinks) noexcept;

}  // namespace sluice::handler
