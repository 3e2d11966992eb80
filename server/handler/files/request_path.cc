// Decoding, merging and refusing. The canonical spelling is what browsers send, so that their
// requests are found in the index as they are, and no respelling of one file's path can fill the
// store.
#include "server/handler/files/request_path.h"

#include "protocol/target.h"
#include "server/handler/path_prefix.h"

namespace sluice::handler {

namespace {

// Steps through the segments between slashes, skipping empty ones. False at the end.
bool next_segment(std::string_view& rest, std::string_view& segment) noexcept {
  const size_t begin = rest.find_first_not_of('/');
  if (begin == std::string_view::npos) return false;
  rest.remove_prefix(begin);
  segment = rest.substr(0, rest.find('/'));
  rest.remove_prefix(segment.size());
  return true;
}

bool is_hidden(std::string_view segment, bool first) noexcept {
  return segment.front() == '.' && !(first && segment == ".well-known");
}

// RFC 3986's pchar and '/', and what the URL Standard leaves alone in paths. A backslash and a
// percent sign are not among them.
bool stays_in_url(char octet) noexcept {
  static constexpr std::string_view kKept = "-._~!$&'()*+,;=:@/[]|^";
  const bool letter = (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z');
  return letter || (octet >= '0' && octet <= '9') || kKept.find(octet) != std::string_view::npos;
}

}  // namespace

PathVerdict read_request_path(std::string_view path, std::string_view strip, RequestPath& out) {
  if (!is_below(path, strip)) strip = {};
  path.remove_prefix(strip.size());
  std::string& relative = out.relative;
  relative.resize(path.size());
  size_t length = 0;
  if (!decode_path(path, relative, length)) return PathVerdict::malformed;
  std::string_view rest(relative.data(), length);
  out.directory = rest.ends_with('/');
  std::string_view segment;
  size_t written = 0;  // never overtakes the segment that is read
  while (next_segment(rest, segment)) {
    if (is_hidden(segment, written == 0)) return PathVerdict::hidden;
    if (written > 0) relative[written++] = '/';
    for (const char octet : segment) relative[written++] = octet;
  }
  relative.resize(written);
  out.key = strip;
  if (out.directory || written > 0) out.key += '/';
  append_encoded(out.key, relative);
  if (out.directory && written > 0) out.key += '/';
  return PathVerdict::good;
}

void append_encoded(std::string& out, std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char octet : text) {
    if (stays_in_url(octet)) {
      out += octet;
    } else {
      const auto value = static_cast<unsigned char>(octet);
      out += '%';
      out += kDigits[value >> 4];
      out += kDigits[value & 0xF];
    }
  }
}

}  // namespace sluice::handler
