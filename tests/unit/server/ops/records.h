// A typical record for the tests of the access log, and a log line of a chosen size.
#pragma once

#include <chrono>
#include <cstdint>

#include "server/http/exchange_record.h"

namespace sluice::ops {

inline http::ExchangeRecord typical_record() {
  http::ExchangeRecord record;
  record.peer = "127.0.0.1";
  record.method = "GET";
  record.target = "/index.html";
  record.authority = "localhost:8080";
  record.protocol = "HTTP/1.1";
  record.user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0";
  record.referer = "http://localhost:8080/";
  record.status = 200;
  record.octets = 1234;
  record.duration = std::chrono::microseconds(321);
  record.wall_microseconds = 1'769'860'984'123'456;  // 2026-01-31T12:03:04.123456Z
  return record;
}

}  // namespace sluice::ops
