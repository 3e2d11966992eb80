// Why a handshake failed, in words for the person who runs the server: what the client offered that
// does not fit, what it does not like about us, or what it is if it is no TLS client; and what to
// do where something can be done.
//
// Invariants:
// 1. The reason is what is likely, by what is known: a client may have others that it does not say.
// 2. Its octets are printable ASCII, kLongestReason at most, whatever the client sent.
// 3. Nothing secret is read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "tls/handshake_end.h"

namespace sluice::tls {

class ListenerContext;
struct Choice;
struct HandshakeReport;

struct HandshakeFailure {
  static constexpr size_t kLongestReason = 512;

  HandshakeFailure(std::string_view name, std::string words)
      : kind(name), reason(std::move(words)) {}

  std::string_view kind;  // for machines: "old_version", "client_rejects_certificate"; static
  std::string reason;
};

// A client that connected and left without an octet: a check of whether the port is open, as load
// balancers and monitors make every few seconds. Nobody wants to hear of it.
[[nodiscard]] bool is_mere_visit(const HandshakeReport& report, HandshakeEnd end) noexcept;

// Requires: it was not established. `choice`: what the client's name led to. Any thread. Takes its
// time where a name was refused: for as many certificates as there are.
[[nodiscard]] HandshakeFailure explain_handshake(const HandshakeReport& report,
                                                 const ListenerContext& context,
                                                 const Choice& choice, HandshakeEnd end);

}  // namespace sluice::tls
