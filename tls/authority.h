// Certificates for development: `sluice serve --tls` speaks HTTPS without anybody having asked an
// authority for anything. An authority of the user's own is made once and kept, so that it has to
// be trusted once; the server's certificate from it is renewed when it must be.
//
// In the folder lie ca.pem (to be trusted), ca-key.pem, and localhost.pem, which holds the server's
// certificate and its key: one file, so that they are replaced in one step. All are the user's
// alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sluice::tls {

// Where they are kept: in `data_home` ($XDG_DATA_HOME), else below `home` ($HOME). Empty when
// neither is an absolute path (XDG Base Directory Specification): the user has to say one.
[[nodiscard]] std::string development_folder(const std::string& data_home, const std::string& home);

// What other machines on the network may call this one: its host name, with ".local" after one that
// is a single label (RFC 6762). Empty when it has none.
[[nodiscard]] std::vector<std::string> machine_names();

struct DevelopmentFiles {
  std::string chain;               // absolute paths; chain and key...
  std::string key;                 // ... are one file
  std::string authority;           // "ca.pem"
  bool made_authority = false;     // now: it must be trusted (again)
  bool made_certificate = false;   // now
  std::vector<std::string> names;  // what the certificate is for, addresses among them
  // Names that were wanted and are not among them: the authority may not sign for them, because
  // they were unknown when it was made, or are single labels.
  std::vector<std::string> left_out;
};

// Makes what is missing in `folder` and gives the paths. The certificate is for localhost,
// *.localhost, 127.0.0.1, ::1 and `names` (host names and addresses; unspecified addresses, "*" and
// the empty name are passed over). It is made anew when it has less than 30 days left at `now`
// (seconds since 1970), lacks a name that may be had, or is damaged; the authority only when it has
// less than 30 days left itself.
//
// Nothing when that cannot be done; `error` says why and what to do. Blocks: for the disk, and for
// other processes that do the same. Safe with any number of them.
[[nodiscard]] std::optional<DevelopmentFiles> prepare_development_certificate(
    const std::string& folder, const std::vector<std::string>& names, int64_t now,
    std::string& error);

// How to make clients trust the authority, line by line, with commands to copy.
[[nodiscard]] std::vector<std::string> how_to_trust(const DevelopmentFiles& files);

}  // namespace sluice::tls
