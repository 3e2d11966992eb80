// What stands in several places of a configuration: limits, response fields, rules for caches.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "conf/configuration.h"
#include "conf/document.h"
#include "conf/reading/report.h"

namespace sluice::conf {

// The strings of a value that is one or an array of them; bad ones are left out. Views into `node`.
std::vector<const Node*> strings_of(const Node& node);

// Short for find() and the value, or `fallback`. Requires: the key's form is the one asked for.
bool flag_or(const Node& table, std::string_view key, bool fallback);
std::string text_or(const Node& table, std::string_view key, std::string_view fallback);

// Below: `outer` is the table that may hold `limits`, `fields` or `cache`.

// Sets what the table says in `limits`, which holds the outer ones.
void read_limits(const Node& outer, LimitSet& limits, Report& report);

// Appends the table's rules to those of outer tables.
void read_fields(const Node& outer, std::vector<FieldRule>& rules, Report& report);

// The same for fields of the requests that go to an upstream.
void read_request_fields(const Node& outer, std::vector<FieldRule>& rules, Report& report);

// Appends the table's rules, which are tried before those of outer tables.
void read_cache(const Node& outer, std::vector<CacheRule>& rules, Report& report);

// The seconds that a text such as "365d" says; reports another one as that of the key `name`.
std::optional<std::chrono::seconds> read_age(const std::string& name, const Node& node,
                                             Report& report);

// Whether two values of `listeners` have one in common; an empty one is all of them.
bool share_listener(const std::vector<std::string>& left, const std::vector<std::string>& right);

// Reports a path that does not start with '/'; returns whether it does.
bool check_slash(const std::string& name, const Node& node, Report& report);

// What `strip` takes away from the paths that match; null when it is not known which do. Reports
// one that no path begins with.
std::string read_strip(const Node& strip, const PathMatch* match, Report& report);

}  // namespace sluice::conf
