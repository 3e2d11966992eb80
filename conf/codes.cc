// The list of names, in the enumeration's order.
#include "conf/codes.h"

#include <array>

namespace sluice::conf {

namespace {

constexpr std::array<std::string_view, 69> kNames = {
    "unreadable-file",
    "toml-syntax",
    "duplicate-key",
    "nested-too-deep",
    "unknown-key",
    "wrong-type",
    "wrong-choice",
    "out-of-range",
    "missing-key",
    "empty-value",
    "nul-in-string",
    "unset-variable",
    "bad-variable",
    "missing-include",
    "include-cycle",
    "include-twice",
    "include-matches-nothing",
    "not-in-included-file",
    "no-site",
    "bad-address-block",
    "bad-limit",
    "limit-elsewhere",
    "bad-listen-address",
    "duplicate-listener-name",
    "duplicate-listener-address",
    "unused-listener",
    "missing-host",
    "bad-host",
    "duplicate-host",
    "two-defaults",
    "unknown-listener",
    "unreachable-site",
    "site-answers-nothing",
    "files-key-without-files",
    "bad-extension",
    "bad-media-type",
    "bad-error-status",
    "error-page-without-root",
    "missing-error-page",
    "files-without-root",
    "missing-root",
    "root-is-no-folder",
    "unreadable-root",
    "bad-index",
    "strip-never-applies",
    "spa-with-else",
    "clean-urls-without-html",
    "bad-field-name",
    "bad-field-value",
    "reserved-field",
    "duplicate-field",
    "bad-duration",
    "cache-rule-without-answer",
    "cache-rule-with-two-answers",
    "immutable-without-max-age",
    "unreachable-cache-rule",
    "route-without-matcher",
    "route-with-two-matchers",
    "route-without-action",
    "route-with-two-actions",
    "relative-path",
    "bad-pattern",
    "never-matches",
    "shadowed-route",
    "bad-target",
    "bad-capture",
    "leads-to-itself",
    "unwanted-body",
    "else-without-files",
};
static_assert(static_cast<size_t>(Code::else_without_files) + 1 == kNames.size());

}  // namespace

std::string_view code_name(Code code) noexcept { return kNames[static_cast<size_t>(code)]; }

std::span<const std::string_view> all_code_names() noexcept { return kNames; }

}  // namespace sluice::conf
