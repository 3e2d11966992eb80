// Which resources of our own a response's Link fields ask to load early (RFC 8288, and the relation
// `preload` of the HTML standard): what an HTTP/2 server may push.
#pragma once

#include <string_view>

namespace sluice::http {

// Takes links off the front of `rest`, a Link field's value, up to and with the first one that asks
// to preload something of this origin, and returns that one's target: an absolute path, with its
// query, without its fragment. Empty when there is none; a value that is malformed ends there.
//
// Not taken: targets with a scheme or an authority and relative ones, links with `nopush`, and
// those about another resource (`anchor`).
std::string_view next_preload(std::string_view& rest) noexcept;

}  // namespace sluice::http
