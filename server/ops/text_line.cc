// Columns are padded to a width that fits most; what is longer pushes the rest of its line to the
// right.
#include "server/ops/text_line.h"

#include <algorithm>
#include <iterator>

#include "server/ops/line_cursor.h"

namespace sluice::ops {
namespace {

constexpr std::string_view kPlain = "\x1b[0m";
constexpr std::string_view kDim = "\x1b[2m";

std::string_view colour_of(int status) noexcept {
  if (status >= 500 || status < 100) return "\x1b[31m";  // red: ours to mend
  if (status >= 400) return "\x1b[33m";                  // yellow
  if (status >= 300) return "\x1b[36m";                  // cyan
  return "\x1b[32m";                                     // green
}

// Octets from `first` to '~' go as they are. A space inside a column would look like the next
// column.
void safe(LineCursor& out, std::string_view text, char first = '!') noexcept {
  for (char c : text) {
    if (c >= first && c <= '~' && c != '\\') {
      out.octet(c);
    } else {
      out.text("\\x");
      out.hex(static_cast<unsigned char>(c));
    }
  }
}

void column(LineCursor& out, std::string_view text, size_t width) noexcept {
  const char* begin = out.at;
  safe(out, text.empty() ? "-" : text);
  const auto used = static_cast<size_t>(out.at - begin);
  out.spaces(used < width ? width - used : 0);
}

// A number below 1000 with one decimal, so six characters at most with the unit's prefix: "1.2 k",
// "980 ".
struct Scaled {
  char text[32];
  size_t size;
};

// `tenths` of the unit, with the decimal unless `whole`.
Scaled with_unit(uint64_t tenths, bool whole, std::string_view unit) noexcept {
  Scaled scaled;
  LineCursor out{scaled.text};
  out.number(tenths / 10);
  if (!whole) {
    out.octet('.');
    out.number(tenths % 10);
  }
  out.octet(' ');
  out.text(unit);
  scaled.size = static_cast<size_t>(out.at - scaled.text);
  return scaled;
}

// In powers of 1000, as the transfer's size is told everywhere else a person looks.
Scaled size_text(uint64_t octets) noexcept {
  constexpr std::string_view kUnits[] = {"kB", "MB", "GB", "TB"};
  if (octets < 1000) return with_unit(octets * 10, true, "B");
  uint64_t tenths = octets / 100;
  size_t unit = 0;
  while (tenths >= 10'000 && unit + 1 < std::size(kUnits)) {
    tenths /= 1000;
    ++unit;
  }
  return with_unit(tenths, false, kUnits[unit]);
}

Scaled duration_text(std::chrono::microseconds duration) noexcept {
  const auto microseconds = static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0));
  if (microseconds < 10'000'000) return with_unit(microseconds / 100, false, "ms");
  return with_unit(microseconds / 100'000, false, "s");
}

void right_column(LineCursor& out, const Scaled& scaled, size_t width) noexcept {
  out.spaces(scaled.size < width ? width - scaled.size : 0);
  out.text({scaled.text, scaled.size});
}

void status_column(LineCursor& out, int status, bool colour) noexcept {
  if (colour) out.text(colour_of(status));
  if (status >= 100 && status < 1000) {
    out.three_digits(static_cast<unsigned>(status));
  } else {
    out.text("---");  // no response was sent
  }
  if (colour) out.text(kPlain);
}

void clock_column(LineCursor& out, int64_t microseconds, CachedDate& date, bool colour) noexcept {
  if (colour) out.text(kDim);
  out.text(date.at(microseconds / 1'000'000));
  if (colour) out.text(kPlain);
}

// Texts with spaces in them; nearly all are ours, but made safe all the same: they are rare.
void remarks(LineCursor& out, const http::ExchangeRecord& record) noexcept {
  if (!record.client_subject.empty()) out.text(" client: ");
  safe(out, record.client_subject, ' ');
  if (!record.complete) out.text(" cut");
  if (!record.cause.empty()) out.text(" cause: ");
  safe(out, record.cause, ' ');
  if (!record.phase.empty()) out.text(" phase: ");
  safe(out, record.phase, ' ');
  if (!record.limit.empty()) out.text(" limit: ");
  safe(out, record.limit);
  if (!record.rule.empty()) out.text(" rule: ");
  safe(out, record.rule);
}

}  // namespace

size_t text_bound(const http::ExchangeRecord& r) noexcept {
  constexpr size_t kColumnsAndColours = 320;
  return kColumnsAndColours +
         4 * (r.peer.size() + r.method.size() + r.target.size() + r.client_subject.size() +
              r.cause.size() + r.phase.size() + r.limit.size() + r.rule.size());
}

char* render_text(char* at, const http::ExchangeRecord& record, CachedDate& date,
                  bool colour) noexcept {
  LineCursor out{at};
  clock_column(out, record.wall_microseconds, date, colour);
  out.octet(' ');
  status_column(out, record.status, colour);
  out.octet(' ');
  column(out, record.method, 7);
  out.octet(' ');
  column(out, record.target, 32);
  right_column(out, size_text(record.octets), 9);
  right_column(out, duration_text(record.duration), 11);
  out.octet(' ');
  column(out, record.peer, 0);
  remarks(out, record);
  out.octet('\n');
  return out.at;
}

}  // namespace sluice::ops
