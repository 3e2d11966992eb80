// A failed handshake as one line of the error log, and the trace of any handshake as one record of
// it, each for people and for machines:
//
//     2026-11-24T08:00:00.123Z error handshake failed: client offers only TLS 1.0; policy
//     "intermediate" takes TLS 1.2 or newer; "legacy" would take it peer=192.0.2.1 sni=example.com
//     versions=TLS1.0 groups=X25519,secp256r1 alpn="h2,http/1.1" sent=protocol_version
//     duration=0.3ms
//
// (in one line). What a client sent is bounded, and other than printable ASCII \xHH.
//
// A record for people is of several lines; those after its first begin with a space, which no first
// line does (log_writer.h).
#pragma once

#include <cstddef>
#include <string>

#include "server/http/handshake_record.h"
#include "server/ops/cached_date.h"

namespace sluice::ops {

// Octets of a line for a failed handshake, at most.
inline constexpr size_t kMostHandshakeLine = 4096;

// Whether it came to nothing, and in a way that an operator should hear of.
[[nodiscard]] bool is_failed_handshake(const http::HandshakeRecord& record) noexcept;

// With their LF. Require: is_failed_handshake. `date` is of Form::rfc3339.
[[nodiscard]] std::string failed_handshake_text(const http::HandshakeRecord& record,
                                                CachedDate& date);
// Keys, always in this order: time, level, event ("handshake failed"), kind, cause, remote, sni
// (null: none), versions, groups, alpn, alert_sent, alert_received (null: none), duration_ms.
[[nodiscard]] std::string failed_handshake_json(const http::HandshakeRecord& record,
                                                CachedDate& date);

// Require: a trace. `most`: octets; what is longer is cut, and says so.
[[nodiscard]] std::string handshake_trace_text(const http::HandshakeRecord& record,
                                               CachedDate& date, size_t most);
// time, level, event ("handshake trace"), remote, sni, end, duration_ms, trace: as `sluice
// handshake
// --json` has it; or in place of it trace_octets, when it is too long.
[[nodiscard]] std::string handshake_trace_json(const http::HandshakeRecord& record,
                                               CachedDate& date, size_t most);

}  // namespace sluice::ops
