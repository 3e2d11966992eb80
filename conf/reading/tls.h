// How listeners speak TLS. What is inside the files that are named, tls/ looks at.
#pragma once

#include <string>
#include <string_view>

#include "conf/configuration.h"
#include "conf/document.h"
#include "conf/reading/include.h"

namespace sluice::conf {

// Below: `folder` is the absolute one of the configuration's file, which relative paths start from.

// The absolute path that `node` says, the value of the key `name`. Warns where no file is to be
// read; empty after an error.
std::string read_tls_path(std::string_view name, const Node& node, const std::string& folder,
                          const ReadingContext& context);

// A table `client_certificates`. Its `authorities` may be missing.
ClientCertificates read_client_certificates(const Node& table, const std::string& folder,
                                            const ReadingContext& context);

// `tls` of a listener, where it is a table.
Tls read_tls_table(const Node& table, const std::string& folder, const ReadingContext& context);

}  // namespace sluice::conf
