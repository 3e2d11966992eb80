// What a request's path names below the root, before anything is opened.
//
// Decoded once (SECURITY section 4). Repeated slashes are one. A segment that starts with '.' is
// hidden, except
// `.well-known` where RFC 8615 puts it, at the top; "." and ".." thereby never reach the file
// system.
//
// A route may lie below a prefix that the folder does not know ("/docs" of "/docs/a.txt"): it is
// taken off before anything is decoded, and leads the key, so that a key begins as its request
// does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::handler {

enum class PathVerdict : uint8_t {
  good,
  malformed,  // NUL, an encoded slash or backslash, no UTF-8: 400
  hidden,     // a dot file: 404
};

struct RequestPath {
  std::string relative;    // decoded, without slashes at either end; empty for the root itself
  std::string key;         // one spelling for each meaning: what responses are stored under
  bool directory = false;  // the path ended with a slash

  // The prefix itself, without the slash that the root's path ends with.
  bool lacks_slash() const noexcept { return relative.empty() && !directory; }
};

// `strip`: the prefix, without a slash at its end; a path that does not begin with it is read
// whole. Requires: `path` starts with '/', normalised (protocol/target.h). `out` keeps its memory
// for the next call.
PathVerdict read_request_path(std::string_view path, std::string_view strip, RequestPath& out);

// Appends `text` (a decoded path or name) as a URL's path: octets that a URL cannot hold are
// percent-encoded, '/' is not. Distinct texts stay distinct.
void append_encoded(std::string& out, std::string_view text);

}  // namespace sluice::handler
