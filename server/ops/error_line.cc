// Rare lines: clear before quick.
#include "server/ops/error_line.h"

#include <algorithm>

#include "server/ops/line_cursor.h"
#include "server/ops/quoted.h"

namespace sluice::ops {
namespace {

void when_and_how_bad(LineCursor& out, const http::ExchangeRecord& record,
                      CachedDate& date) noexcept {
  const int64_t wall = std::max<int64_t>(record.wall_microseconds, 0);
  out.text(date.at(wall / 1'000'000));
  out.octet('.');
  out.three_digits(static_cast<unsigned>(wall / 1000 % 1000));
  out.text(is_error(record) ? "Z error" : "Z info");
}

void what(LineCursor& out, const http::ExchangeRecord& record) noexcept {
  if (record.status > 0) {
    out.octet(' ');
    out.number(static_cast<uint64_t>(record.status));
  }
  if (!record.method.empty()) {
    out.octet(' ');
    append_escaped(out, record.method);
    out.octet(' ');
    append_escaped(out, record.authority);
    append_escaped(out, record.target);
  }
  if (!record.complete) out.text(" (cut)");
}

void why(LineCursor& out, const http::ExchangeRecord& record) noexcept {
  out.text(": ");
  append_escaped(out, record.cause);
  if (record.limit.empty() && record.rule.empty()) return;
  out.text(" (");
  if (!record.limit.empty()) {
    out.text("limit ");
    append_escaped(out, record.limit);
    if (!record.rule.empty()) out.text(", ");
  }
  if (!record.rule.empty()) {
    out.text("by ");
    append_escaped(out, record.rule);
  }
  out.octet(')');
}

}  // namespace

size_t error_bound(const http::ExchangeRecord& r) noexcept {
  constexpr size_t kDateAndWords = 192;
  return kDateAndWords +
         4 * (r.method.size() + r.authority.size() + r.target.size() + r.cause.size() +
              r.limit.size() + r.rule.size() + r.peer.size() + r.request_id.size());
}

char* render_error(char* at, const http::ExchangeRecord& record, CachedDate& date) noexcept {
  LineCursor out{at};
  when_and_how_bad(out, record, date);
  what(out, record);
  why(out, record);
  if (!record.peer.empty()) out.text(" peer=");
  append_escaped(out, record.peer);
  if (!record.request_id.empty()) out.text(" id=");
  append_escaped(out, record.request_id);
  out.octet('\n');
  return out.at;
}

bool is_error(const http::ExchangeRecord& record) noexcept {
  if (record.cause.empty()) return false;
  return record.status >= 500 || !record.limit.empty() || (!record.complete && !record.peer_left);
}

bool is_refusal(const http::ExchangeRecord& record) noexcept {
  return !record.cause.empty() && record.status >= 400;
}

}  // namespace sluice::ops
