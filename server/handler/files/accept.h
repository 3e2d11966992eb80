// What a client says it takes: the media ranges of Accept (RFC 9110 section 12.5.1), one by one.
//
// Nothing here fails: what is not understood is passed over. Quoted strings are known, because a
// comma or a semicolon in one ends nothing.
#pragma once

#include <string_view>

namespace sluice::handler {

struct MediaRange {
  std::string_view type;  // "text/html", "text/*", or anything else that stood there
  int weight = 1000;      // in thousandths (section 12.4.2); what cannot be read counts as 1
};

// Takes the next range off the front of a field value. False at the end.
bool next_media_range(std::string_view& rest, MediaRange& range) noexcept;

}  // namespace sluice::handler
