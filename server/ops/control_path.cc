// The places, and the distrust in /tmp.
#include "server/ops/control_path.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace sluice::ops {

namespace {

constexpr std::string_view kName = "/control.sock";

ControlPath asked_for(std::string_view path) {
  return {.path = path == "off" ? std::string() : std::string(path)};
}

std::string default_folder(const Environment& environment, uid_t user) {
  // An XDG_RUNTIME_DIR that is not absolute is to be ignored (XDG Base Directory Specification).
  const std::string runtime = environment("XDG_RUNTIME_DIR").value_or("");
  if (runtime.starts_with('/')) return runtime + "/sluice";
  if (user == 0) return "/run/sluice";
  return "/tmp/sluice-" + std::to_string(user);
}

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

std::string folder_error(const std::string& folder, int error) {
  return "the folder " + folder + " for the control socket: " + std::strerror(error);
}

}  // namespace

ControlPath find_control_path(std::string_view configured, const Environment& environment,
                              uid_t user) {
  if (!configured.empty()) return asked_for(configured);
  const std::string by_environment = environment("SLUICE_CONTROL").value_or("");
  if (!by_environment.empty()) return asked_for(by_environment);
  return {.path = default_folder(environment, user) + std::string(kName), .by_default = true};
}

std::string make_control_folder(const ControlPath& control, uid_t user) {
  if (!control.by_default) return {};
  const std::string folder = folder_of(control.path);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return folder_error(folder, errno);
  return check_control_folder(control, user);
}

std::string check_control_folder(const ControlPath& control, uid_t user) {
  if (!control.by_default) return {};
  const std::string folder = folder_of(control.path);
  struct stat status {};
  if (::lstat(folder.c_str(), &status) != 0)
    return errno == ENOENT ? std::string() : folder_error(folder, errno);
  if (!S_ISDIR(status.st_mode)) return folder + " is no folder, and no place for a control socket";
  if (status.st_uid != user || (status.st_mode & 022) != 0) {
    return "others than user " + std::to_string(user) + " may write to the folder " + folder +
           ", which is no place for a control socket";
  }
  return {};
}

}  // namespace sluice::ops
