// Where the control socket of a server is, for the server and for who wants to talk to it.
//
// In this order: what the configuration or the command line says, $SLUICE_CONTROL, a folder that is
// the user's alone: $XDG_RUNTIME_DIR/sluice, /run/sluice for root, /tmp/sluice-UID.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::ops {

struct ControlPath {
  std::string path;         // empty: there is none ("off")
  bool by_default = false;  // nobody asked for it: a server can do without
};

using Environment = std::function<std::optional<std::string>(std::string_view name)>;

// `configured`: a path, "off", or empty when neither file nor command line say anything.
ControlPath find_control_path(std::string_view configured, const Environment& environment,
                              uid_t user);

// Makes the folder of a default path, for its owner alone. Returns an empty string, or what is
// wrong: somebody else's folder is not used, for whoever owns it could put his own socket there.
[[nodiscard]] std::string make_control_folder(const ControlPath& control, uid_t user);
// The same without making it; a folder that is missing is none of the errors.
[[nodiscard]] std::string check_control_folder(const ControlPath& control, uid_t user);

}  // namespace sluice::ops
