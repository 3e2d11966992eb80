// The names that /etc/hosts gives addresses to (hosts(5)). They come before the name server's: what
// an operator or a container engine writes there is meant.
//
// Invariants:
//   1. The file is read when a name is asked for the first time since it changed, and only then;
//   what is kept are the names that were asked for, however long the file is.
//   2. A file that cannot be read names nothing.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/net/file_identity.h"
#include "server/net/socket_address.h"

namespace sluice::net {

// Thread: one at a time.
class HostsFile {
 public:
  explicit HostsFile(std::string path) : path_(std::move(path)) {}

  // All addresses of `host` (in any case of letters, a dot at its end says nothing) in the file's
  // order, with port 0; empty: it is not named there. "localhost", and what ends in ".localhost",
  // are this machine's even if the file does not say so (RFC 6761 section 6.3): no name server is
  // to be asked for them.
  const std::vector<SocketAddress>& addresses(const std::string& host);

 private:
  std::string path_;
  FileIdentity identity_;
  std::map<std::string, std::vector<SocketAddress>> found_;  // by the name in lower case
};

// What the text of a hosts file gives `name`, which is in lower case.
std::vector<SocketAddress> hosts_entries(std::string_view text, std::string_view name);

}  // namespace sluice::net
