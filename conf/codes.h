// The names of everything that can be wrong with a configuration.
//
// One list, because names are a promise: machines read them (`sluice check --json`), and a test
// holds that each is shown by a golden file.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::conf {

enum class Code : uint8_t {
  // Files and their text.
  unreadable_file,
  toml_syntax,
  duplicate_key,
  nested_too_deep,
  // Keys and kinds of values.
  unknown_key,
  wrong_type,
  wrong_choice,
  out_of_range,
  missing_key,
  empty_value,
  nul_in_string,
  // Variables and included files.
  unset_variable,
  bad_variable,
  missing_include,
  include_cycle,
  include_twice,
  include_matches_nothing,
  not_in_included_file,
  // The file as a whole, limits, listeners.
  no_site,
  bad_address_block,
  bad_limit,
  limit_elsewhere,
  bad_listen_address,
  duplicate_listener_name,
  duplicate_listener_address,
  unused_listener,
  // Sites.
  missing_host,
  bad_host,
  duplicate_host,
  two_defaults,
  unknown_listener,
  unreachable_site,
  site_answers_nothing,
  files_key_without_files,
  bad_extension,
  bad_media_type,
  bad_error_status,
  error_page_without_root,
  missing_error_page,
  bad_link,
  hints_without_links,
  // Files.
  files_without_root,
  missing_root,
  root_is_no_folder,
  unreadable_root,
  bad_index,
  strip_never_applies,
  spa_with_else,
  clean_urls_without_html,
  // Response fields and rules for caches.
  bad_field_name,
  bad_field_value,
  reserved_field,
  duplicate_field,
  bad_duration,
  cache_rule_without_answer,
  cache_rule_with_two_answers,
  immutable_without_max_age,
  unreachable_cache_rule,
  // Routes.
  route_without_matcher,
  route_with_two_matchers,
  route_without_action,
  route_with_two_actions,
  relative_path,
  bad_pattern,
  never_matches,
  shadowed_route,
  bad_target,
  bad_capture,
  leads_to_itself,
  unwanted_body,
  else_without_files,
  // Upstreams.
  upstream_without_scheme,
  unknown_upstream_scheme,
  bad_upstream_host,
  bad_upstream_port,
  bad_upstream_path,
  upstream_with_userinfo,
  upstream_with_query,
  upstream_with_fragment,
  upstream_tls_in_clear_text,
  upstream_without_name,
  certificate_without_key,
  upstream_not_verified,
  upstream_is_listener,
  bad_size,
  proxy_protocol_without_proxies,
  // TLS.
  missing_certificate,
  unused_certificate,
  listener_without_tls,
  duplicate_certificate,
  too_many_default_certificates,
  missing_tls_file,
  unreadable_tls_file,
  secret_below_root,
  clear_text_on_https_port,
  legacy_policy,
  client_certificates_without_authorities,
  unused_authorities,
  client_certificates_in_clear_text,
  site_without_tls,
  https_redirect_without_clear_text,
  preload_without_conditions,
  hsts_beside_field,
};

// "unknown-key".
std::string_view code_name(Code code) noexcept;

// Every name, in the order above.
std::span<const std::string_view> all_code_names() noexcept;

}  // namespace sluice::conf
