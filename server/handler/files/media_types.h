// From a file's name to its media type (RFC 9110 section 8.3.1).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace sluice::handler {

// A lower-case extension without its dot, and the Content-Type's value.
struct MediaType {
  std::string_view extension;
  std::string_view value;
};

// All that are known, sorted by extension.
std::span<const MediaType> all_media_types() noexcept;

// What follows the last dot of a file's name, in lower case; empty when there is no dot but a
// leading one.
std::string extension_of(std::string_view name);

// The Content-Type of a file of this name, with `charset=utf-8` for text;
// "application/octet-stream" when its extension is not known or it has none. Static.
std::string_view media_type_of(std::string_view name);

}  // namespace sluice::handler
