// From a TOML file to a Configuration, or to everything that is wrong with it.
//
// All errors are found in one go. toml++ gives each value its line and column; what a key may be,
// and what it means, is decided here. The only code of Sluice that reads a configuration.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/configuration.h"
#include "conf/diagnostic.h"
#include "conf/file_source.h"

namespace sluice::conf {

// Looks an environment variable up; nothing when it is not set.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

struct Reading {
  std::shared_ptr<const Configuration> configuration;  // null when there was an error
  Diagnostics diagnostics;                             // errors and warnings, in the files' order
};

// Reads `path` and what it includes. Paths in a file are relative to the file's folder.
Reading read_configuration(const std::string& path, const Environment& environment);

// The process's environment.
std::optional<std::string> process_environment(std::string_view name);

// Which file is read when none is named: the first that exists of ./sluice.toml and
// /etc/sluice/sluice.toml; empty when neither does, and kNoConfiguration says what to do.
std::string find_configuration();
inline constexpr std::string_view kNoConfiguration =
    "there is no configuration: neither sluice.toml in this folder nor /etc/sluice/sluice.toml "
    "exists; name one with -c FILE, or serve a folder without one: sluice serve DIR";

// read_configuration with another file system: tests and fuzzing bring their own.
Reading read_configuration(const std::string& path, const Environment& environment,
                           FileSource& files);

}  // namespace sluice::conf
