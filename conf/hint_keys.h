// The keys about what a site sends ahead of its responses (RFC 8297).
#pragma once

#include <array>
#include <string_view>

#include "conf/keys.h"

namespace sluice::conf {

inline constexpr std::array<std::string_view, 2> kHintsTo = {"navigations", "all"};

inline constexpr Key kEarlyHints{
    .name = "early_hints",
    .forms = kString | kStrings,
    .about =
        "Links that a 103 (Early Hints) sends ahead of the response, and the response again: "
        "one link each.",
    .example = "[\"</app.css>; rel=preload; as=style\"]",
    .pattern = "^<"};
inline constexpr Key kEarlyHintsTo{
    .name = "early_hints_to",
    .fallback = "\"navigations\"",
    .about =
        "\"navigations\": only browsers that open a page (Sec-Fetch-Mode: navigate); "
        "\"all\": whoever sends GET.",
    .choices = kHintsTo};
inline constexpr Key kPush{.name = "push",
                           .forms = kBoolean,
                           .fallback = "false",
                           .about =
                               "Over HTTP/2, push what responses (`Link: ...; rel=preload`) and "
                               "`early_hints` preload to clients that take it."};

}  // namespace sluice::conf
