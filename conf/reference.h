// The page of all keys and all limits, for people.
#pragma once

#include <string>

namespace sluice::conf {

// Markdown, made of conf/keys.h and conf/limits.h, as conf/REFERENCE.md holds it.
std::string reference_text();

}  // namespace sluice::conf
