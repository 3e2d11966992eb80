// The JSON schema of configuration files (draft 2020-12), for editors that complete and check TOML.
#pragma once

#include <string>

namespace sluice::conf {

// Made of conf/keys.h, as conf/sluice.schema.json holds it. It knows kinds, choices, ranges and
// simple forms; what concerns several keys only the reader knows.
std::string schema_text();

}  // namespace sluice::conf
