// The table of limits for people, and the reading of "NAME=VALUE".
//
// The reasons are SECURITY.md's sections 1, 2, 4 and 6 in one line each; the answers name the
// status (RFC 9110 §15) that a client sees. The order is that of the struct, which a test checks by
// the fields' offsets.
#include "conf/limits.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "conf/quantity.h"
#include "conf/spelling.h"

namespace sluice::conf {

namespace {

constexpr uint64_t kAny = uint64_t{1} << 62;    // fits every signed type a limit may be turned into
constexpr uint64_t kHeadMost = 64 * 1024;       // the size of a large block (protocol/block.h)
constexpr uint64_t kCountMost = 1'000'000'000;  // fits uint32_t
constexpr uint64_t kWindowMost = uint64_t{1} << 30;  // RFC 9113 section 6.9.1 allows 2^31-1
constexpr uint64_t kTimeMost =
    365ULL * 24 * 3600'000;  // a year: deadlines can be added without overflow

constexpr LimitInfo octets(std::string_view name, uint64_t Limits::*field, uint64_t least,
                           uint64_t most, std::string_view reason, std::string_view answer) {
  return {name, Unit::octets, reason, answer, field, nullptr, least, most};
}
constexpr LimitInfo count(std::string_view name, uint64_t Limits::*field, uint64_t least,
                          uint64_t most, std::string_view reason, std::string_view answer) {
  return {name, Unit::count, reason, answer, field, nullptr, least, most};
}
constexpr LimitInfo rate(std::string_view name, uint64_t Limits::*field, std::string_view reason,
                         std::string_view answer) {
  return {name, Unit::octets_per_second, reason, answer, field, nullptr, 0, kAny};
}
constexpr LimitInfo time(std::string_view name, milliseconds Limits::*field, uint64_t least,
                         std::string_view reason, std::string_view answer) {
  return {name, Unit::time, reason, answer, nullptr, field, least, kTimeMost};
}

constexpr std::array kLimits = {
    octets(
        "request_line", &Limits::request_line, 16, kHeadMost,
        "longer targets are mistakes or attacks; RFC 9112 section 3 asks for at least 8000 octets",
        "414, close"),
    octets("field", &Limits::field, 16, kHeadMost,
           "room for large cookies, not for a head of one field", "431, close"),
    octets("head", &Limits::head, 64, kHeadMost,
           "bounds what a connection holds before it has asked for anything", "431, close"),
    count("fields", &Limits::fields, 1, 10'000,
          "each field costs a table entry, however short it is", "431, close"),
    count("trailer_fields", &Limits::trailer_fields, 0, 10'000,
          "trailers carry a checksum or a status, not a head", "400, close"),
    octets("trailers", &Limits::trailers, 0, kHeadMost,
           "trailers carry a checksum or a status, not a head", "400, close"),
    octets("chunk_line", &Limits::chunk_line, 18, kHeadMost, "16 digits and a short extension fit",
           "400, close"),
    octets("chunk_extensions", &Limits::chunk_extensions, 0, kAny,
           "extensions are read and thrown away: work without end for one message", "400, close"),
    count("large_heads", &Limits::large_heads, 1, 1'000'000,
          "heads over 16 KiB take 64 KiB each, and slow ones of many clients would take all memory",
          "431, close"),
    octets("body", &Limits::body, 0, kAny, "content that a handler reads itself lies in memory",
           "413"),
    octets("drain", &Limits::drain, 0, kAny,
           "reading unwanted content on is cheaper than a new connection, up to here",
           "close with lingering"),
    time("drain_timeout", &Limits::drain_timeout, 1,
         "unwanted content that comes slowly is not worth waiting for", "close with lingering"),
    octets("linger", &Limits::linger, 0, kAny,
           "what is read after the last answer so that no reset takes it from the client", "close"),
    time("linger_timeout", &Limits::linger_timeout, 1,
         "a client that goes on sending after an error gets this long", "close"),
    time("handshake_timeout", &Limits::handshake_timeout, 1,
         "absolute, from the connection's beginning: a slow handshake holds memory and keys",
         "close"),
    time("head_timeout", &Limits::head_timeout, 1,
         "absolute, from the head's first octet: a slow head holds a connection for nothing",
         "408, close"),
    time("body_timeout", &Limits::body_timeout, 1, "silence in the middle of a request's content",
         "408, close"),
    rate("body_rate", &Limits::body_rate,
         "content that trickles holds an exchange; averaged over 10 s after body_timeout",
         "408, close"),
    time("send_timeout", &Limits::send_timeout, 1,
         "the peer's kernel has taken nothing for this long", "reset"),
    rate("send_rate", &Limits::send_rate,
         "a peer that takes an octet now and then holds a response; after send_timeout", "reset"),
    time("idle_timeout", &Limits::idle_timeout, 1,
         "keep-alive pays within a page visit; announced five seconds shorter, so that no request "
         "meets the close",
         "close"),
    time("connection_life", &Limits::connection_life, 1,
         "lets connections move to new processes and other workers", "close after the exchange"),
    time("shutdown_timeout", &Limits::shutdown_timeout, 0,
         "a drain must end: exchanges still running are cut then", "close"),
    time("first_process_shutdown_timeout", &Limits::first_process_shutdown_timeout, 0,
         "as process 1 of a container: `docker stop` kills after 10 s, so a drain must end before; "
         "shutdown_timeout counts when it is shorter",
         "close"),
    octets("exchange_body", &Limits::exchange_body, 1024, kAny,
           "what one exchange holds that its peer has not taken yet", "the source is not pulled"),
    octets("turn_read", &Limits::turn_read, 1, kAny, "a fast sender does not keep others waiting",
           "goes on next round"),
    octets("turn_write", &Limits::turn_write, 1, kAny, "a large file does not keep others waiting",
           "goes on next round"),
    count("turn_accept", &Limits::turn_accept, 1, 1'000'000,
          "a storm of connections does not keep others waiting", "goes on next round"),
    count("turn_handshakes", &Limits::turn_handshakes, 1, 1'000'000,
          "TLS handshakes cost a hundred requests each: a flood does not keep others waiting",
          "goes on next round"),
    count("turn_requests", &Limits::turn_requests, 1, 1'000'000,
          "a pipeline does not keep others waiting", "goes on next round"),
    octets(
        "turn_batch", &Limits::turn_batch, 1, uint64_t{1} << 30,
        "a pipeline's responses leave together, but are not logged as complete long before they do",
        "the next request waits until they left"),
    octets("connection_memory", &Limits::connection_memory, 256 * 1024, kAny,
           "all that one connection may hold at a time, whatever its peer does",
           "nothing more is read or pulled for it until it shrank"),
    count("key_updates", &Limits::key_updates, 1, 1'000'000,
          "each makes us compute keys; an honest client needs one in 2^24 records of TLS", "close"),
    count("http2_streams", &Limits::http2_streams, 1, 10'000,
          "enough for any page; each open stream holds memory and a handler", "REFUSED_STREAM"),
    count("http2_fields_fatal", &Limits::http2_fields_fatal, 1, 100'000,
          "field lines of one head: a few octets of HPACK become many fields, and so many are an "
          "attack",
          "GOAWAY ENHANCE_YOUR_CALM, close"),
    octets("http2_head_block", &Limits::http2_head_block, 1024, 1024 * 1024,
           "a field block as it comes, HEADERS with CONTINUATIONs, lies in memory until it is "
           "complete",
           "GOAWAY ENHANCE_YOUR_CALM, close"),
    count("http2_continuations", &Limits::http2_continuations, 0, 1000,
          "CONTINUATION frames of one field block: eight hold any head that is allowed",
          "GOAWAY ENHANCE_YOUR_CALM, close"),
    octets("http2_stream_window", &Limits::http2_stream_window, 1024, kWindowMost,
           "what a stream may send at first without being asked for it",
           "not credited before it is consumed"),
    octets("http2_stream_window_most", &Limits::http2_stream_window_most, 1024, kWindowMost,
           "the window of a stream doubles up to this while its content is consumed as it comes",
           "not credited before it is consumed"),
    octets("http2_connection_window", &Limits::http2_connection_window, 65'535, kWindowMost,
           "content of all streams together that nobody has consumed; RFC 9113 section 6.9.2 "
           "begins at 65535",
           "not credited before it is consumed"),
    count("http2_resets", &Limits::http2_resets, 1, kCountMost,
          "streams reset, by the client or by us for its errors: a browser cancels a map's tiles "
          "at once",
          "GOAWAY ENHANCE_YOUR_CALM, close"),
    count("http2_reset_rate", &Limits::http2_reset_rate, 0, kCountMost,
          "resets a second, beyond http2_resets at once", "GOAWAY ENHANCE_YOUR_CALM, close"),
    count("http2_resets_suspicious", &Limits::http2_resets_suspicious, 1, kCountMost,
          "in place of http2_reset_rate while half of the last 200 streams were reset unanswered",
          "GOAWAY ENHANCE_YOUR_CALM, close"),
    count("http2_reset_of_upstream", &Limits::http2_reset_of_upstream, 1, kCountMost,
          "what a reset counts that closes a connection to an upstream: the next one costs a "
          "handshake",
          "GOAWAY ENHANCE_YOUR_CALM, close"),
    count("http2_pings", &Limits::http2_pings, 1, kCountMost,
          "each is answered; clients probe with a few", "GOAWAY ENHANCE_YOUR_CALM, close"),
    count("http2_ping_rate", &Limits::http2_ping_rate, 0, kCountMost,
          "PINGs a second, beyond http2_pings at once", "GOAWAY ENHANCE_YOUR_CALM, close"),
    octets(
        "http2_ping_regained", &Limits::http2_ping_regained, 1, kWindowMost,
        "content sent that allows one more PING: gRPC measures the path with one for each delivery",
        "GOAWAY ENHANCE_YOUR_CALM, close"),
    count("http2_settings", &Limits::http2_settings, 1, kCountMost,
          "each is acknowledged and may change every stream's window; clients send one or two",
          "GOAWAY ENHANCE_YOUR_CALM, close"),
    count("http2_settings_rate", &Limits::http2_settings_rate, 0, kCountMost,
          "SETTINGS a second, beyond http2_settings at once", "GOAWAY ENHANCE_YOUR_CALM, close"),
    count("http2_empty_in_a_row", &Limits::http2_empty_in_a_row, 1, kCountMost,
          "DATA or HEADERS that bring nothing and end nothing, one after the other",
          "GOAWAY ENHANCE_YOUR_CALM, close"),
    count("http2_empty_frames", &Limits::http2_empty_frames, 1, kCountMost,
          "the same, in a connection's life", "GOAWAY ENHANCE_YOUR_CALM, close"),
    octets("http2_small_data_size", &Limits::http2_small_data_size, 0, 16'384,
           "DATA frames with less than this are small: their work is not paid by what they carry",
           "counted by http2_small_data"),
    count("http2_small_data", &Limits::http2_small_data, 1, kCountMost,
          "small DATA frames at once, of all streams that have no answer yet",
          "GOAWAY ENHANCE_YOUR_CALM, close"),
    count("http2_small_data_rate", &Limits::http2_small_data_rate, 0, kCountMost,
          "small DATA frames a second, beyond http2_small_data at once",
          "GOAWAY ENHANCE_YOUR_CALM, close"),
    count("http2_small_data_stream", &Limits::http2_small_data_stream, 1, kCountMost,
          "small DATA frames at once, and more each second, of a stream that was answered 2xx: "
          "chats and gRPC send such",
          "GOAWAY ENHANCE_YOUR_CALM, close"),
    count("http2_priorities", &Limits::http2_priorities, 0, kCountMost,
          "PRIORITY and PRIORITY_UPDATE frames, and one more for each stream",
          "GOAWAY ENHANCE_YOUR_CALM, close"),
    count("http2_window_updates", &Limits::http2_window_updates, 0, kCountMost,
          "WINDOW_UPDATE frames, and two more for each stream and twenty for each DATA frame sent",
          "GOAWAY ENHANCE_YOUR_CALM, close"),
    count("http2_unknown_frames", &Limits::http2_unknown_frames, 1, kCountMost,
          "frames of unknown types in 10 s: they are to be ignored, not to be endured",
          "GOAWAY ENHANCE_YOUR_CALM, close"),
    count("http2_outstanding", &Limits::http2_outstanding, 1, 100'000,
          "acknowledgements that wait because the client does not read", "GOAWAY, close"),
    time("http2_window_timeout", &Limits::http2_window_timeout, 1,
         "a stream with content to send whose client lets out nothing of it", "RST_STREAM"),
    count("http2_window_stalls", &Limits::http2_window_stalls, 1, kCountMost,
          "streams of a connection reset by http2_window_timeout: the client means it",
          "GOAWAY ENHANCE_YOUR_CALM, close"),
    time("http2_window_close", &Limits::http2_window_close, 1,
         "content to send and no progress on any stream of the connection",
         "GOAWAY ENHANCE_YOUR_CALM, close"),
    octets("http2_unsent", &Limits::http2_unsent, 16 * 1024, kAny,
           "framed and not taken by the client: who does not read is not read from",
           "the socket is not read"),
    count("http2_unsent_frames", &Limits::http2_unsent_frames, 1, kCountMost,
          "frames that wait to be sent, content not counted: who does not read is not read from",
          "the socket is not read"),
    octets(
        "http2_turn_read", &Limits::http2_turn_read, 1, kAny,
        "so few octets may ask for so much: a client that sends fast does not keep others waiting",
        "goes on next round"),
    octets("http2_frame_ahead", &Limits::http2_frame_ahead, 1024, kAny,
           "content framed beyond what the socket took: later and more urgent streams would wait "
           "behind it",
           "nothing more is framed"),
    time("upstream_connect_timeout", &Limits::upstream_connect_timeout, 1,
         "an address of an upstream that does not answer by then is down, or too far away",
         "another address, else 504"),
    time("upstream_response_timeout", &Limits::upstream_response_timeout, 1,
         "silence after the request is sent: an application that works longer says so with a 1xx",
         "504"),
    time("upstream_read_timeout", &Limits::upstream_read_timeout, 1,
         "silence in the middle of a response; event streams and what the client holds up are "
         "exempt",
         "cut"),
    time("upstream_send_timeout", &Limits::upstream_send_timeout, 1,
         "the upstream's kernel takes nothing more of the request", "504"),
    time("upstream_total_timeout", &Limits::upstream_total_timeout, 0,
         "from the request to the end of its response; 0: no bound", "504, or cut"),
    time("upstream_continue_timeout", &Limits::upstream_continue_timeout, 1,
         "a client that expects 100 (Continue) is told by us when the upstream says nothing",
         "100"),
    time("upstream_idle_timeout", &Limits::upstream_idle_timeout, 1,
         "how long a kept connection is used again, until the upstream has shown that it keeps "
         "them longer (node closes after 5 s)",
         "a new connection"),
    time("upstream_fresh", &Limits::upstream_fresh, 0,
         "a request that cannot be sent twice takes no connection that was idle longer",
         "a new connection"),
    count("upstream_idle", &Limits::upstream_idle, 0, kCountMost,
          "kept connections of one worker to one upstream", "the longest idle one is closed"),
    octets("upstream_head", &Limits::upstream_head, 64, kHeadMost,
           "the head of a response, and its trailers", "502"),
    count("upstream_fields", &Limits::upstream_fields, 1, 10'000,
          "each field costs a table entry, however short it is", "502"),
    count("upstream_interims", &Limits::upstream_interims, 0, kCountMost,
          "1xx responses to one request: each is passed on", "502"),
    octets("upstream_read_ahead", &Limits::upstream_read_ahead, 1024, kAny,
           "of a response, so that a slow client does not hold the application", "not read on"),
    octets("upstream_kept_body", &Limits::upstream_kept_body, 0, kAny,
           "of a request's content, so that it can be sent again on another connection",
           "no second try"),
    count(
        "upstream_pipes", &Limits::upstream_pipes, 0, 10'000,
        "of a worker, for content of 256 KiB and more between two connections of HTTP/1.1 in clear "
        "text: it need not be copied; each has two descriptors, all of them an eighth of the "
        "process's at most, and up to 256 KiB of the kernel's memory",
        "copied"),
    count("upstream_retries", &Limits::upstream_retries, 0, 100,
          "further tries of one request, each on another connection", "502 or 504"),
    count("upstream_retry_share", &Limits::upstream_retry_share, 0, 100,
          "per cent of an upstream's requests that may be tries again: it must not be asked twice "
          "as much when it is weakest",
          "no second try"),
    time("resolve_least", &Limits::resolve_least, 1,
         "a name is not looked up more often, whatever its TTL and however often connecting fails",
         "the addresses known"),
    time("resolve_most", &Limits::resolve_most, 1,
         "a name is looked up again by then, whatever its TTL: Docker says 600 s for everything",
         "the addresses that are found then"),
    time("proxy_protocol_timeout", &Limits::proxy_protocol_timeout, 1,
         "its header comes with the connection's first segment", "close"),
    count(
        "memory_high", &Limits::memory_high, 1, 100,
        "per cent of the memory limit (cgroup, else the machine's): refuse before the kernel kills",
        "503, close; idle connections close"),
    count("memory_critical", &Limits::memory_critical, 1, 100,
          "per cent of the memory limit: giving up one connection saves the others",
          "the connection that holds most is closed"),
    count("rewrites", &Limits::rewrites, 1, 100,
          "rewrite rules that lead to each other must not go round for ever", "500"),
    count("connections", &Limits::connections, 0, 100'000'000,
          "0: as many as the descriptor limit allows, less descriptor_reserve", "503, close"),
    count("connections_per_address", &Limits::connections_per_address, 0, 100'000'000,
          "0: off, because many people share one address (NAT, balancers); IPv6 counts by /64",
          "503, close"),
    count("descriptor_reserve", &Limits::descriptor_reserve, 0, 1'000'000,
          "descriptors kept for files, logs and control, which a full house would go without",
          "503, close"),
    time("idle_grace", &Limits::idle_grace, 0,
         "who has only begun to idle is about to send a request: newcomers of one burst must not "
         "close each other",
         "spared when idle connections close to make room"),
    time("accept_pause", &Limits::accept_pause, 1, "without descriptors accepting would spin",
         "waits in the backlog"),
    octets("held_file", &Limits::held_file, 0, uint64_t{1} << 30,
           "up to here copying from memory is cheaper than sendfile, and over TLS than reading the "
           "file",
           "sent by sendfile"),
    octets("held_bytes", &Limits::held_bytes, 0, kAny,
           "memory for held files, all workers together; never more than a quarter of all there is",
           "the one used longest ago is dropped"),
    count("open_files", &Limits::open_files, 1, 100'000'000,
          "open descriptors kept for larger files", "the one used longest ago is closed"),
    count("watches", &Limits::watches, 0, 100'000'000,
          "inotify watches are a budget of the user, not of Sluice",
          "files are checked by time alone"),
    time("file_check", &Limits::file_check, 0,
         "how long a change may go unseen where no watch tells of it",
         "the file is looked at again"),
    time("file_settle", &Limits::file_settle, 0,
         "a file changed so lately may change again within its clock's resolution",
         "sent, not held"),
    octets("file_window", &Limits::file_window, 4096, uint64_t{1} << 30,
           "what a helper reads ahead of sendfile, so that no worker waits for a disk",
           "waits for the helper"),
    count("listing_entries", &Limits::listing_entries, 1, 100'000'000,
          "a directory's page is made in memory", "the listing is cut and says so"),
    count("listings", &Limits::listings, 1, 1'000'000,
          "of one worker at a time: helpers also touch cold files, which must not wait behind "
          "folders",
          "503"),
    count("ranges", &Limits::ranges, 1, 1000,
          "each range of a request costs a part with a head of its own",
          "200: the whole representation"),
    count("overlapping_ranges", &Limits::overlapping_ranges, 0, 1000,
          "nobody who reads a file needs the same octets again and again",
          "200: the whole representation"),
    octets("etag_wait", &Limits::etag_wait, 0, kAny,
           "up to this size the first answer waits for the content's hash",
           "larger files have no ETag until a helper has hashed them"),
    octets("etag_hash_max", &Limits::etag_hash_max, 0, kAny,
           "reading a larger file for its hash would push others out of the page cache",
           "no ETag; Last-Modified still validates"),
    count("etag_queue", &Limits::etag_queue, 1, 1'000'000,
          "files that wait to be hashed, the process's large ones and a worker's others, each have "
          "a descriptor open",
          "no ETag; asked again with the next request"),
    count("etags", &Limits::etags, 1, 100'000'000,
          "hashes that outlive the bodies they are of, so that no file is read twice for one",
          "the hash is computed again"),
    time("certificate_check", &Limits::certificate_check, 10,
         "a renewed certificate is served after two looks at its files",
         "until then the one before is served"),
    octets("log_ring", &Limits::log_ring, 4096, uint64_t{1} << 30,
           "a stuck log must not stop a worker", "lines are dropped and counted"),
    count("control_connections", &Limits::control_connections, 1, 1'000,
          "one operator needs one; connections to the control socket that are forgotten hold no "
          "descriptors that clients need",
          "an error, close"),
    octets("control_line", &Limits::control_line, 64, uint64_t{1} << 30,
           "commands are short; what comes without an end of line lies in memory",
           "an error, close"),
    time("control_timeout", &Limits::control_timeout, 1,
         "silence on the control socket, or an answer that nobody reads", "close"),
    time("health_timeout", &Limits::health_timeout, 1,
         "a worker that does not read its mail for this long serves nobody either",
         "health says failing"),
};

std::string unknown_name(std::string_view name) {
  std::vector<std::string_view> names;
  for (const LimitInfo& info : kLimits) names.push_back(info.name);
  const std::string hint = did_you_mean(name, names);
  return "there is no limit named '" + std::string(name) + "'" + (hint.empty() ? "" : "; ") + hint;
}

std::string range_text(const LimitInfo& info) {
  std::string text = "limit '";
  text.append(info.name).append("' must be at least ").append(quantity_text(info.unit, info.least));
  if (info.most != kAny) text.append(" and at most ").append(quantity_text(info.unit, info.most));
  return text;
}

}  // namespace

std::span<const LimitInfo> all_limits() noexcept { return kLimits; }

std::string set_limit(Limits& limits, std::string_view assignment) {
  const size_t equals = assignment.find('=');
  if (equals == std::string_view::npos) {
    return "'" + std::string(assignment) +
           "' is not a limit: expected NAME=VALUE, for example head_timeout=10s";
  }
  const std::string_view name = assignment.substr(0, equals);
  const std::string_view text = assignment.substr(equals + 1);
  const auto info = std::find_if(kLimits.begin(), kLimits.end(),
                                 [&](const auto& known) { return known.name == name; });
  if (info == kLimits.end()) return unknown_name(name);
  const std::optional<uint64_t> value = parse_quantity(info->unit, text);
  if (!value) {
    return "limit '" + std::string(name) + "' is '" + std::string(text) + "': expected " +
           expected_quantity(info->unit);
  }
  if (*value < info->least || *value > info->most)
    return range_text(*info) + ", and is '" + std::string(text) + "'";
  if (info->number != nullptr) {
    limits.*(info->number) = *value;
  } else {
    limits.*(info->time) = milliseconds(static_cast<int64_t>(*value));
  }
  return {};
}

std::string limit_text(const Limits& limits, const LimitInfo& info) {
  if (info.number != nullptr) return quantity_text(info.unit, limits.*(info.number));
  return quantity_text(info.unit, static_cast<uint64_t>((limits.*(info.time)).count()));
}

}  // namespace sluice::conf
