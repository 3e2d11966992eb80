// Every cap and every timeout of Sluice: its default, why it is that, and what answers when it is
// met.
//
// The struct is what code reads; all_limits() is the same list for people: `sluice serve --limit
// NAME=VALUE` sets one by name, logs name the one that decided, and a test checks that each has its
// line.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sluice::conf {

using std::chrono::milliseconds;

struct Limits {
  // Request heads (HTTP/1).
  uint64_t request_line = 8 * 1024;
  uint64_t field = 8 * 1024;
  uint64_t head = 32 * 1024;
  uint64_t fields = 100;
  uint64_t trailer_fields = 32;
  uint64_t trailers = 8 * 1024;
  uint64_t chunk_line = 256;
  uint64_t chunk_extensions = 16 * 1024;
  uint64_t large_heads = 256;
  // Request content.
  uint64_t body = 1024 * 1024;
  uint64_t drain = 64 * 1024;
  milliseconds drain_timeout{5'000};
  uint64_t linger = 64 * 1024;
  milliseconds linger_timeout{2'000};
  // Time.
  milliseconds handshake_timeout{10'000};
  milliseconds head_timeout{10'000};
  milliseconds body_timeout{20'000};
  uint64_t body_rate = 1024;
  milliseconds send_timeout{30'000};
  uint64_t send_rate = 1024;
  milliseconds idle_timeout{75'000};
  milliseconds connection_life{3'600'000};
  milliseconds shutdown_timeout{30'000};
  milliseconds first_process_shutdown_timeout{8'000};
  // What one connection and one turn may hold.
  uint64_t exchange_body = 64 * 1024;
  uint64_t turn_read = 128 * 1024;
  uint64_t turn_write = 1024 * 1024;
  uint64_t turn_accept = 64;
  uint64_t turn_handshakes = 4;
  uint64_t turn_requests = 32;
  uint64_t turn_batch = 64 * 1024;
  uint64_t connection_memory = 2 * 1024 * 1024;
  uint64_t key_updates = 100;
  // HTTP/2 (RFC 9113), of one connection unless they say otherwise.
  uint64_t http2_streams = 100;
  uint64_t http2_fields_fatal = 1000;
  uint64_t http2_head_block = 64 * 1024;
  uint64_t http2_continuations = 8;
  uint64_t http2_stream_window = 64 * 1024;
  uint64_t http2_stream_window_most = 1024 * 1024;
  uint64_t http2_connection_window = 1024 * 1024;
  uint64_t http2_resets = 500;
  uint64_t http2_reset_rate = 50;
  uint64_t http2_resets_suspicious = 20;
  uint64_t http2_reset_of_upstream = 10;
  uint64_t http2_pings = 50;
  uint64_t http2_ping_rate = 10;
  uint64_t http2_ping_regained = 16 * 1024;
  uint64_t http2_settings = 20;
  uint64_t http2_settings_rate = 10;
  uint64_t http2_empty_in_a_row = 16;
  uint64_t http2_empty_frames = 100;
  uint64_t http2_small_data_size = 64;
  uint64_t http2_small_data = 1000;
  uint64_t http2_small_data_rate = 200;
  uint64_t http2_small_data_stream = 2000;
  uint64_t http2_priorities = 100;
  uint64_t http2_window_updates = 5;
  uint64_t http2_unknown_frames = 100;
  uint64_t http2_outstanding = 128;
  milliseconds http2_window_timeout{30'000};
  uint64_t http2_window_stalls = 3;
  milliseconds http2_window_close{60'000};
  uint64_t http2_unsent = 256 * 1024;
  uint64_t http2_unsent_frames = 500;
  uint64_t http2_turn_read = 16 * 1024;
  uint64_t http2_frame_ahead = 64 * 1024;
  // Upstreams (servers behind `proxy`).
  milliseconds upstream_connect_timeout{3'000};
  milliseconds upstream_response_timeout{60'000};
  milliseconds upstream_read_timeout{60'000};
  milliseconds upstream_send_timeout{60'000};
  milliseconds upstream_total_timeout{0};  // 0: none
  milliseconds upstream_continue_timeout{500};
  milliseconds upstream_idle_timeout{4'000};
  milliseconds upstream_fresh{1'000};
  uint64_t upstream_idle = 512;
  uint64_t upstream_head = 32 * 1024;
  uint64_t upstream_fields = 100;
  uint64_t upstream_interims = 10;
  uint64_t upstream_read_ahead = 64 * 1024;
  uint64_t upstream_kept_body = 64 * 1024;
  uint64_t upstream_pipes = 64;
  uint64_t upstream_retries = 2;
  uint64_t upstream_retry_share = 20;
  // Names of upstreams.
  milliseconds resolve_least{1'000};
  milliseconds resolve_most{10'000};
  // The PROXY protocol.
  milliseconds proxy_protocol_timeout{5'000};
  // The whole process.
  uint64_t memory_high = 90;
  uint64_t memory_critical = 95;
  // Routing.
  uint64_t rewrites = 10;
  // Descriptors.
  uint64_t connections = 0;              // 0: what the descriptor limit allows, less the reserve
  uint64_t connections_per_address = 0;  // 0: off
  uint64_t descriptor_reserve = 64;
  milliseconds idle_grace{100};
  milliseconds accept_pause{100};
  // Files.
  uint64_t held_file = 64 * 1024;
  uint64_t held_bytes = 64 * 1024 * 1024;
  uint64_t open_files = 1024;
  uint64_t watches = 8192;
  milliseconds file_check{1'000};
  milliseconds file_settle{2'000};
  uint64_t file_window = 512 * 1024;
  uint64_t listing_entries = 10'000;
  uint64_t listings = 32;
  // Ranges (RFC 9110 section 14.2).
  uint64_t ranges = 8;
  uint64_t overlapping_ranges = 2;
  // Entity tags: hashes of contents.
  uint64_t etag_wait = 8 * 1024 * 1024;
  uint64_t etag_hash_max = 1024 * 1024 * 1024;
  uint64_t etag_queue = 64;
  uint64_t etags = 65'536;
  // Certificates.
  milliseconds certificate_check{2'000};
  // Access log.
  uint64_t log_ring = 1024 * 1024;
  // Control socket.
  uint64_t control_connections = 8;
  uint64_t control_line = 64 * 1024;
  milliseconds control_timeout{10'000};
  milliseconds health_timeout{1'000};

  bool operator==(const Limits&) const = default;
};

enum class Unit : uint8_t { octets, count, time, octets_per_second };

// One limit as people see it.
struct LimitInfo {
  std::string_view name;  // also its key in a configuration
  Unit unit;
  std::string_view reason;
  std::string_view answer;  // what a peer sees when it is met
  // Exactly one of the two is set.
  uint64_t Limits::*number;
  milliseconds Limits::*time;
  // The range that set_limit takes, in units (milliseconds for times): outside of it Sluice could
  // not work.
  uint64_t least;
  uint64_t most;
};

std::span<const LimitInfo> all_limits() noexcept;

// Sets one limit from "NAME=VALUE": octets as 512, 8KiB, 1MiB, 1GiB; times as 500ms, 10s, 2m, 1h.
// Returns an empty string, or what was wrong, what was expected, and for an unknown name the
// nearest one.
[[nodiscard]] std::string set_limit(Limits& limits, std::string_view assignment);

// The value in the form that set_limit reads ("8KiB", "10s").
std::string limit_text(const Limits& limits, const LimitInfo& info);

}  // namespace sluice::conf
