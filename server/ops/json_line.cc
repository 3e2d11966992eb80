// Nearly all octets need no escape, so eight are looked at in one step and copied before anybody
// knows that they may go: where one may not, the eight are done again one by one.
#include "server/ops/json_line.h"

#include <algorithm>
#include <cstring>

#include "server/ops/line_cursor.h"
#include "server/ops/utf8.h"

namespace sluice::ops {
namespace {

constexpr uint64_t kEach = 0x0101'0101'0101'0101;

// Whether each of the eight octets is ASCII, no control, no DEL, no quote and no backslash. A
// borrow may report an octet above a guilty one, never miss one.
bool all_plain(uint64_t eight) noexcept {
  const uint64_t quote = (eight ^ kEach * '"') - kEach;
  const uint64_t backslash = (eight ^ kEach * '\\') - kEach;
  const uint64_t control = eight - kEach * 0x20;
  const uint64_t del =
      eight +
      kEach;  // 0x7f becomes 0x80; only an octet of 0xff carries, and that is seen in `eight`
  return ((quote | backslash | control | del | eight) & kEach * 0x80) == 0;
}

void unicode_escape(LineCursor& out, unsigned char octet) noexcept {
  out.text("\\u00");
  out.hex(octet);
}

void escape_ascii(LineCursor& out, unsigned char octet) noexcept {
  if (octet == '"' || octet == '\\') {
    out.octet('\\');
    out.octet(static_cast<char>(octet));
  } else if (octet < 0x20 || octet == 0x7f) {
    unicode_escape(out, octet);
  } else {
    out.octet(static_cast<char>(octet));
  }
}

// Writes the first character of `text` and returns how many octets it had.
size_t escape_one(LineCursor& out, std::string_view text) noexcept {
  const auto octet = static_cast<unsigned char>(text[0]);
  if (octet < 0x80) {
    escape_ascii(out, octet);
    return 1;
  }
  const size_t size = utf8_size(text);
  if (size == 0) {
    unicode_escape(out, octet);
    return 1;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  if (octet == 0xc2 && second < 0xa0) {
    unicode_escape(out, second);  // U+0080 to U+009F
  } else {
    out.text(text.substr(0, size));
  }
  return size;
}

void string_member(LineCursor& out, std::string_view key, std::string_view value) noexcept {
  out.text(key);
  out.at = escape_json(out.at, value);
  out.octet('"');
}

void optional_member(LineCursor& out, std::string_view key, std::string_view value) noexcept {
  if (!value.empty()) string_member(out, key, value);
}

// Three digits of thousandths after the point.
void thousandths(LineCursor& out, uint64_t value) noexcept {
  out.number(value / 1000);
  out.octet('.');
  out.three_digits(static_cast<unsigned>(value % 1000));
}

void time_member(LineCursor& out, int64_t microseconds, CachedDate& date) noexcept {
  const int64_t wall = std::max<int64_t>(microseconds, 0);
  out.text(R"({"time":")");
  out.text(date.at(wall / 1'000'000));
  out.octet('.');
  out.three_digits(static_cast<unsigned>(wall / 1000 % 1000));
  out.octet('Z');
  out.octet('"');
}

void number_members(LineCursor& out, const http::ExchangeRecord& record) noexcept {
  out.text(R"(,"status":)");
  out.number(static_cast<uint64_t>(std::max(record.status, 0)));
  out.text(R"(,"octets":)");
  out.number(record.octets);
  out.text(R"(,"duration_ms":)");
  thousandths(out, static_cast<uint64_t>(std::max<int64_t>(record.duration.count(), 0)));
}

}  // namespace

char* escape_json(char* at, std::string_view text) noexcept {
  LineCursor out{at};
  while (!text.empty()) {
    uint64_t eight = 0;
    while (text.size() >= sizeof eight) {
      std::memcpy(&eight, text.data(), sizeof eight);
      if (!all_plain(eight)) break;
      out.text({text.data(), sizeof eight});
      text.remove_prefix(sizeof eight);
    }
    // Less than eight are left, or one of the next eight is not plain.
    for (size_t done = 0; done < sizeof eight && !text.empty();) {
      const size_t size = escape_one(out, text);
      text.remove_prefix(size);
      done += size;
    }
  }
  return out.at;
}

size_t json_bound(const http::ExchangeRecord& r) noexcept {
  constexpr size_t kKeysAndNumbers = 366;
  return kKeysAndNumbers +
         6 * (r.peer.size() + r.method.size() + r.authority.size() + r.target.size() +
              r.protocol.size() + r.user_agent.size() + r.referer.size() + r.cause.size() +
              r.phase.size() + r.limit.size() + r.rule.size() + r.request_id.size() + r.tls.size() +
              r.client_subject.size());
}

char* render_json(char* at, const http::ExchangeRecord& record, CachedDate& date) noexcept {
  LineCursor out{at};
  time_member(out, record.wall_microseconds, date);
  string_member(out, R"(,"remote":")", record.peer);
  string_member(out, R"(,"method":")", record.method);
  string_member(out, R"(,"host":")", record.authority);
  string_member(out, R"(,"target":")", record.target);
  string_member(out, R"(,"protocol":")", record.protocol);
  number_members(out, record);
  string_member(out, R"(,"user_agent":")", record.user_agent);
  string_member(out, R"(,"referer":")", record.referer);
  optional_member(out, R"(,"tls":")", record.tls);
  optional_member(out, R"(,"client":")", record.client_subject);
  optional_member(out, R"(,"id":")", record.request_id);
  optional_member(out, R"(,"cause":")", record.cause);
  optional_member(out, R"(,"phase":")", record.phase);
  optional_member(out, R"(,"limit":")", record.limit);
  optional_member(out, R"(,"rule":")", record.rule);
  if (!record.complete) out.text(R"(,"complete":false)");
  out.text("}\n");
  return out.at;
}

}  // namespace sluice::ops
