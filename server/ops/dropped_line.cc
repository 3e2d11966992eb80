// Rare lines, so nothing is cached for them.
#include "server/ops/dropped_line.h"

#include "server/ops/cached_date.h"
#include "server/ops/line_cursor.h"

namespace sluice::ops {

char* render_dropped_json(char* at, const DroppedLines& lines) noexcept {
  CachedDate date(CachedDate::Form::rfc3339);
  LineCursor out{at};
  out.text(R"({"time":")");
  out.text(date.at(lines.second));
  out.octet('.');
  out.three_digits(lines.millisecond);
  out.text(R"(Z","dropped":)");
  out.number(lines.count);
  out.text(R"(,"cause":"the log's destination did not take lines as fast as they came"})");
  out.octet('\n');
  return out.at;
}

char* render_dropped_text(char* at, const DroppedLines& lines) noexcept {
  CachedDate date(CachedDate::Form::local_clock);
  LineCursor out{at};
  out.text(date.at(lines.second));
  out.text(" --- ");
  out.number(lines.count);
  out.text(" lines dropped: the log's destination did not take them as fast as they came\n");
  return out.at;
}

}  // namespace sluice::ops
