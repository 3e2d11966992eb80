// The request line is put together again from its parts: a request that never had them shows "-".
#include "server/ops/combined_line.h"

#include <algorithm>

#include "server/ops/line_cursor.h"
#include "server/ops/quoted.h"

namespace sluice::ops {
namespace {

void quoted_or_dash(LineCursor& out, std::string_view text) noexcept {
  out.octet('"');
  if (text.empty()) out.octet('-');
  append_escaped(out, text);
  out.octet('"');
}

void request_line(LineCursor& out, const http::ExchangeRecord& record) noexcept {
  if (record.method.empty()) return out.text(R"("-")");
  out.octet('"');
  append_escaped(out, record.method);
  out.octet(' ');
  append_escaped(out, record.target);
  out.octet(' ');
  append_escaped(out, record.protocol);
  out.octet('"');
}

}  // namespace

size_t combined_bound(const http::ExchangeRecord& r) noexcept {
  constexpr size_t kNumbersAndQuotes = 128;
  return kNumbersAndQuotes + r.peer.size() +
         4 * (r.method.size() + r.target.size() + r.protocol.size() + r.referer.size() +
              r.user_agent.size());
}

char* render_combined(char* at, const http::ExchangeRecord& record, CachedDate& date) noexcept {
  LineCursor out{at};
  out.text(record.peer.empty() ? "-" : record.peer);
  out.text(" - - [");
  out.text(date.at(record.wall_microseconds / 1'000'000));
  out.text("] ");
  request_line(out, record);
  out.octet(' ');
  out.three_digits(static_cast<unsigned>(std::clamp(record.status, 0, 999)));
  out.octet(' ');
  out.number(record.octets);
  out.octet(' ');
  quoted_or_dash(out, record.referer);
  out.octet(' ');
  quoted_or_dash(out, record.user_agent);
  out.octet('\n');
  return out.at;
}

}  // namespace sluice::ops
