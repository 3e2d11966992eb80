// What single values of a configuration must look like. Every `..._problem` returns an empty
// string, or what is wrong with the text in words for whoever wrote it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "conf/configuration.h"

namespace sluice::conf {

// "example.com", "*.example.com", an IP address (IPv6 in brackets). Requires: lower case.
std::string host_problem(std::string_view host);

// "10.0.0.0/8", "::1".
std::optional<AddressBlock> parse_block(std::string_view text);

// "30s", "10m", "12h", "365d"; at most 68 years, what 31 bits of seconds hold (RFC 9111 section
// 1.2.2).
std::optional<std::chrono::seconds> parse_age(std::string_view text);

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) noexcept;
// RFC 9110 section 5.5: visible octets, spaces and tabs inside, nothing that ends a line.
std::string field_value_problem(std::string_view value);
// Why a configuration may not change this field of responses, or of requests to an upstream:
// Sluice makes it itself. An empty text when it may.
std::string reserved_field(std::string_view name);
std::string reserved_request_field(std::string_view name);

// type "/" subtype, and parameters (RFC 9110 section 8.3.1).
bool is_media_type(std::string_view text) noexcept;

// Why no request's normalised path (RFC 3986 section 6.2.2) can be, or begin with, this text;
// wildcards stand for themselves.
std::string never_problem(std::string_view path);

// Why a path or a URL cannot hold this text as it is (RFC 3986 section 2.1).
std::string octets_problem(std::string_view text);

std::string lower(std::string_view text);

}  // namespace sluice::conf
