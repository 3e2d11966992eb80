// Targets: what is accepted stays what it is when it is normalised, decoded, and read again.
#include <cstdint>
#include <string>

#include "protocol/target.h"
#include "tests/fuzz/feeding.h"

namespace sluice {
namespace {

using fuzz::require;

std::string normal_form(std::string_view path) {
  std::string out(path.size() + 1, '\0');
  out.resize(normalize_path(path, out));
  return out;
}

// The decoded path with a mark before it, or an empty string when it is refused.
std::string decoded(std::string_view path) {
  std::string out(path.size(), '\0');
  size_t length = 0;
  if (!decode_path(path, out, length)) return {};
  require(length <= path.size(), "decoding made a path longer", path);
  return "=" + out.substr(0, length);
}

void check_path(std::string_view path) {
  require(path.front() == '/', "path is relative", path);
  const std::string normal = normal_form(path);
  require(normal.front() == '/', "normal path is relative", normal);
  require(is_normalized(path) == (normal == path), "is_normalized is wrong", path);
  require(is_normalized(normal) && normal_form(normal) == normal, "normalising is not final",
          normal);
  require(!has_dot_segments(normal), "dot segments are left", normal);
  const std::string file = decoded(normal);
  require(file.find('\0') == std::string::npos && file.find('\\') == std::string::npos, "octet",
          file);
  require(file.find("/../") == std::string::npos && !file.ends_with("/.."), "leaves the root",
          file);
  if (!has_dot_segments(path)) require(decoded(path) == file, "normalising changed the name", path);
  Target again;
  require(parse_target(normal, again) && again.path == normal, "normal path is no target", normal);
}

void check_target(std::string_view text) {
  Target target;
  if (!parse_target(text, target)) return;
  if (!target.authority.empty()) {
    require(valid_authority(target.authority), "authority", target.authority);
    require(same_authority(target.authority, target.authority, 80),
            "authority differs from itself");
    require(authority_port(target.authority, 0) <= 65535, "port", target.authority);
  }
  if (target.form == TargetForm::origin || target.form == TargetForm::absolute)
    check_path(target.path);
}

}  // namespace
}  // namespace sluice

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  sluice::check_target(text);
  static_cast<void>(sluice::decoded(text));
  static_cast<void>(sluice::valid_authority(text));
  return 0;
}
