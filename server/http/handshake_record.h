// What is known of a TLS handshake when it ends: a line of the error log when it failed, its trace
// where the listener asks for one.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "tls/handshake_end.h"

namespace sluice::tls {
class ListenerContext;
class Session;
struct HandshakeReport;
}  // namespace sluice::tls

namespace sluice::http {

using tls::HandshakeEnd;

// Everything is valid during the call of ExchangeLog::handshake only.
struct HandshakeRecord {
  std::string_view peer;  // address without port
  HandshakeEnd end = HandshakeEnd::established;
  std::chrono::microseconds duration{0};          // since the connection was accepted
  int64_t wall_microseconds = 0;                  // when it ended, since 1970
  const tls::Session* session = nullptr;          // never null
  const tls::HandshakeReport* report = nullptr;   // likewise
  const tls::ListenerContext* context = nullptr;  // likewise
};

}  // namespace sluice::http
