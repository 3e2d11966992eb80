// What is known of an exchange when it ends: one line of the access log, one sample for metrics.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "protocol/message.h"
#include "server/http/handshake_record.h"

namespace sluice::http {

// Views are valid during the call of ExchangeLog::record only. Empty views: not known.
struct ExchangeRecord {
  std::string_view peer;  // address without port
  std::string_view method;
  std::string_view target;  // as received
  std::string_view authority;
  std::string_view protocol;  // "HTTP/1.1"
  std::string_view user_agent;
  std::string_view referer;
  int status = 0;       // 0: no response was sent
  uint64_t octets = 0;  // of content, framed for the peer
  std::chrono::microseconds duration{
      0};  // from the head's last octet to the response's last octet given to the kernel
  int64_t wall_microseconds = 0;  // when it ended, since 1970
  bool complete = true;           // false: the response was cut
  // For responses that Sluice made itself, and for cut ones; static texts.
  std::string_view cause;
  std::string_view phase;  // "head", "request body", "handler", "response"
  std::string_view limit;  // the key in conf/limits.h
  std::string_view rule;   // the configuration line that decided: "sluice.toml:12"
  std::string_view request_id;
  std::string_view tls;             // "TLSv1.3"; empty: clear text
  std::string_view client_subject;  // of the certificate that the client showed
  bool peer_left = false;           // it was the peer who ended it
};

// The wall clock, as records have it.
inline int64_t wall_microseconds() noexcept {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

// Takes records. One per worker, called on its thread; must not block.
class ExchangeLog {
 public:
  virtual ~ExchangeLog() = default;
  virtual void record(const ExchangeRecord& record) = 0;
  // Whether it takes records of exchanges that went well, too: complete, under 400, and without a
  // cause. The same for as long as it lives; what nobody takes is not put together.
  virtual bool wants_all() const noexcept { return true; }
  // A handshake ended. Most logs have nothing to say of one that went well.
  virtual void handshake(const HandshakeRecord& record) { (void)record; }
};

}  // namespace sluice::http
