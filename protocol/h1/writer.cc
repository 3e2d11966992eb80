// The writing side of the codec: heads rendered side by side into the pool's block, content passed
// on by reference (RFC 9112 sections 2 to 7).
//
// A head never carries two framings, nor a field value with CR, LF or NUL in it: a field that has
// one is left out, whoever put it there, since it would end the line and forge the next one.
#include <array>
#include <cassert>
#include <charconv>
#include <cstring>
#include <string>

#include "protocol/grammar.h"
#include "protocol/h1/codec.h"
#include "protocol/h1/control_fields.h"
#include "protocol/h1/response_head.h"
#include "protocol/target.h"

namespace sluice::h1 {

namespace {

constexpr std::string_view kClose = "Connection: close\r\n";
constexpr std::string_view kKeepAlive = "Connection: keep-alive\r\n";
constexpr std::string_view kExpect = "Expect: 100-continue\r\n";
constexpr std::string_view kUpgrade = "Connection: Upgrade\r\nUpgrade: ";
constexpr std::string_view kChunked = "Transfer-Encoding: chunked\r\n";
constexpr std::string_view kLength = "Content-Length: ";
// More than any start line's fixed part and the lines above take together.
constexpr size_t kFixedRoom = 256;

// The first and the last `kEach` octets of `from`; they overlap where `size` is less than both.
template <size_t kEach>
inline void copy_ends(const char* from, size_t size, char* to) noexcept {
  std::array<char, kEach> first;
  std::array<char, kEach> last;
  std::memcpy(&first, from, kEach);
  std::memcpy(&last, from + size - kEach, kEach);
  std::memcpy(to, &first, kEach);
  std::memcpy(to + size - kEach, &last, kEach);
}

// Copies `octets` to `to`, and returns where they end. A head is made of some sixty short texts: as
// calls of memcpy they took twice the instructions.
inline char* copy_text(std::string_view octets, char* to) noexcept {
  const size_t size = octets.size();
  if (size > 32) {
    std::memcpy(to, octets.data(), size);
  } else if (size >= 16) {
    copy_ends<16>(octets.data(), size, to);
  } else if (size >= 8) {
    copy_ends<8>(octets.data(), size, to);
  } else if (size >= 4) {
    copy_ends<4>(octets.data(), size, to);
  } else {
    for (size_t at = 0; at < size; ++at) to[at] = octets[at];
  }
  return to + size;
}

// Renders into memory that was measured beforehand.
class Pen {
 public:
  explicit Pen(std::span<char> room) noexcept
      : begin_(room.data()), at_(begin_), end_(begin_ + room.size()) {}

  Pen& text(std::string_view octets) noexcept {
    assert(octets.size() <= room());
    at_ = copy_text(octets, at_);
    return *this;
  }
  Pen& number(uint64_t value, int base = 10) noexcept {
    at_ = std::to_chars(at_, end_, value, base).ptr;
    return *this;
  }
  Pen& line(std::string_view name, std::string_view value) noexcept {
    assert(name.size() + value.size() + 4 <= room());
    char* at = copy_text(name, at_);
    at = copy_text(": ", at);
    at = copy_text(value, at);
    at_ = copy_text("\r\n", at);
    return *this;
  }
  size_t size() const noexcept { return static_cast<size_t>(at_ - begin_); }

 private:
  size_t room() const noexcept { return static_cast<size_t>(end_ - at_); }

  char* begin_;
  char* at_;
  char* end_;
};

// Appends what `render(Pen&)` writes, at most `room` octets: in the pool's block, or in memory of
// its own when it is larger than a block.
template <typename Render>
void append_rendered(BlockPool& pool, size_t room, Chain& out, const Render& render) {
  if (room <= BlockPool::kBlockSize) {
    Pen pen(pool.reserve(room));
    render(pen);
    out.append(pool.commit(pen.size()));
    return;
  }
  std::string memory(room, '\0');
  Pen pen(memory);
  render(pen);
  out.append(copy_of(std::string_view(memory).substr(0, pen.size())));
}

size_t room_for(const FieldList& fields) noexcept {
  size_t room = 0;
  for (const Field& field : fields) room += field.name.size() + field.value.size() + 4;
  return room;
}

size_t room_for(const ResponseHead& head) noexcept {
  return room_for(head.fields) + (head.prepared != nullptr ? head.prepared->h1.size() : 0);
}

// What a handler made may hold anything: no octet of it may end a line.
bool is_sound(const Field& field) noexcept {
  return field.checked || (is_token(field.name) && is_field_value(field.value));
}

// Content-Length in a field list is left to the caller's framing, save where it is metadata
// (`keep_length`: the answer to a HEAD whose length was not given otherwise).
void write_fields(const FieldList& fields, bool keep_length, Pen& pen) noexcept {
  for (const Field& field : fields) {
    if (is_hop_by_hop(field) || (field.id == FieldId::content_length && !keep_length)) continue;
    if (is_sound(field)) pen.line(field.name, field.value);
  }
}

void write_head_fields(const ResponseHead& head, bool keep_length, Pen& pen) noexcept {
  write_fields(head.fields, keep_length, pen);
  if (head.prepared != nullptr) pen.text(head.prepared->h1);
}

void write_status_line(int status, Pen& pen) noexcept {
  switch (status) {  // the common ones as one copy
    case 200:
      pen.text("HTTP/1.1 200 OK\r\n");
      break;
    case 304:
      pen.text("HTTP/1.1 304 Not Modified\r\n");
      break;
    case 404:
      pen.text("HTTP/1.1 404 Not Found\r\n");
      break;
    default:
      pen.text("HTTP/1.1 ").number(static_cast<uint64_t>(status)).text(" ");
      pen.text(reason_phrase(status)).text("\r\n");
  }
}

void write_connection(bool persist, const Codec::ResponseFraming& framing, Pen& pen) noexcept {
  if (!persist) {
    pen.text(kClose);
    return;
  }
  if (framing.http_1_0) pen.text(kKeepAlive);
  pen.text(framing.persist_lines);
}

// Content of a final response: what delimits it, RFC 9112 section 6.3 seen from the sender's side.
Framing framing_of(Method asked, int status, const Codec::ResponseFraming& framing) noexcept {
  if (has_no_content(asked, status)) return Framing::none;
  if (framing.length) return Framing::content_length;
  return framing.http_1_0 ? Framing::until_close : Framing::chunked;
}

// The target to send upstream: as received, but as origin form, and normalised when it has dot
// segments, so that the upstream sees the path that our rules were applied to.
struct OutgoingTarget {
  std::string_view path;
  std::string_view query;
  bool has_query = false;
};

OutgoingTarget outgoing_target(const RequestHead& head) noexcept {
  Target target;
  if (head.path == "*") return {"*", {}, false};
  if (!parse_target(head.target, target) || target.form == TargetForm::authority) {
    return {head.target, {}, false};
  }
  const bool dotted = has_dot_segments(target.path);
  return {dotted ? head.path : target.path, target.query, target.has_query};
}

// A method that anticipates content says so when it has none (RFC 9110 section 8.6).
bool states_no_content(const RequestHead& head) noexcept {
  return head.content_length.has_value() || head.method == Method::post ||
         head.method == Method::put || head.method == Method::patch;
}

Framing framing_of(const RequestHead& head, const Codec::RequestFraming& framing) noexcept {
  if (!head.has_body) return Framing::none;
  return framing.length ? Framing::content_length : Framing::chunked;
}

void write_request_fields(const RequestHead& head, Pen& pen) noexcept {
  for (const Field& field : head.fields) {
    const bool ours = is_hop_by_hop(field) || field.id == FieldId::host ||
                      field.id == FieldId::content_length || field.id == FieldId::expect;
    if (!ours && is_sound(field)) pen.line(field.name, field.value);
  }
}

void write_request_framing(const RequestHead& head, const Codec::RequestFraming& framing,
                           Framing kind, Pen& pen) noexcept {
  if (kind == Framing::chunked) pen.text(kChunked);
  if (kind == Framing::content_length) pen.text(kLength).number(*framing.length).text("\r\n");
  if (kind == Framing::none && states_no_content(head)) pen.text("Content-Length: 0\r\n");
  if (kind != Framing::none && head.expects_continue) pen.text(kExpect);
  if (!head.tunnel.empty()) {
    pen.text(kUpgrade).text(head.tunnel).text("\r\n");
  } else if (!framing.persist) {
    pen.text(kClose);
  }
}

}  // namespace

// The refusal of a HEAD has no content either (RFC 9110 section 9.3.2).
Method Codec::answered_method(const ResponseFraming& framing) const noexcept {
  const bool within_head = reading_ == Reading::head || reading_ == Reading::failed;
  return role_ == Role::server && within_head && asked_ == Method::head ? asked_
                                                                        : framing.request_method;
}

Framing Codec::write_response_head(const ResponseHead& head, const ResponseFraming& framing,
                                   Chain& out) {
  assert(head.status >= 200);
  const Framing kind = framing_of(answered_method(framing), head.status, framing);
  const bool says_length = framing.length && head.status != 204;
  const bool keep_length = kind == Framing::none && !framing.length && head.status != 204;
  const bool persist = framing.persist && kind != Framing::until_close;
  const size_t room =
      kFixedRoom + room_for(head) + framing.common_lines.size() + framing.persist_lines.size();
  append_rendered(workspace_.pool, room, out, [&](Pen& pen) {
    write_status_line(head.status, pen);
    pen.text(framing.common_lines);
    write_head_fields(head, keep_length, pen);
    if (says_length) pen.text(kLength).number(*framing.length).text("\r\n");
    if (kind == Framing::chunked) pen.text(kChunked);
    write_connection(persist, framing, pen);
    pen.text("\r\n");
  });
  return kind;
}

void Codec::write_interim_head(const ResponseHead& head, Chain& out) {
  assert(head.status >= 100 && head.status < 200 && head.status != 101);
  append_rendered(workspace_.pool, kFixedRoom + room_for(head), out, [&](Pen& pen) {
    write_status_line(head.status, pen);
    write_head_fields(head, false, pen);
    pen.text("\r\n");
  });
}

void Codec::write_switching_protocols(const ResponseHead& head, std::string_view protocol,
                                      Chain& out) {
  append_rendered(workspace_.pool, kFixedRoom + room_for(head) + protocol.size(), out,
                  [&](Pen& pen) {
                    write_status_line(101, pen);
                    pen.text(kUpgrade).text(protocol).text("\r\n");
                    write_head_fields(head, false, pen);
                    pen.text("\r\n");
                  });
}

Framing Codec::write_request_head(const RequestHead& head, const RequestFraming& framing,
                                  Chain& out) {
  const Framing kind = framing_of(head, framing);
  const OutgoingTarget target = outgoing_target(head);
  const size_t room = kFixedRoom + head.method_text.size() + target.path.size() +
                      target.query.size() + head.authority.size() + head.tunnel.size() +
                      room_for(head.fields);
  append_rendered(workspace_.pool, room, out, [&](Pen& pen) {
    pen.text(head.method_text).text(" ").text(target.path);
    if (target.has_query) pen.text("?").text(target.query);
    pen.text(" HTTP/1.1\r\n").line("Host", head.authority);
    write_request_fields(head, pen);
    write_request_framing(head, framing, kind, pen);
    pen.text("\r\n");
  });
  return kind;
}

void Codec::write_body(Framing framing, Chain& content, Chain& out) {
  if (content.empty()) return;
  if (framing == Framing::none) {
    content.clear();
    return;
  }
  if (framing == Framing::chunked) {
    constexpr size_t kSizeLine = 18;  // 16 digits and CRLF
    append_rendered(workspace_.pool, kSizeLine, out,
                    [&](Pen& pen) { pen.number(content.size(), 16).text("\r\n"); });
  }
  out.append(std::move(content));
  if (framing == Framing::chunked) out.append_static("\r\n");
}

void Codec::write_end(Framing framing, const FieldList* trailers, Chain& out) {
  if (framing != Framing::chunked) return;
  if (trailers == nullptr || trailers->empty()) {
    out.append_static("0\r\n\r\n");
    return;
  }
  append_rendered(workspace_.pool, room_for(*trailers) + kFixedRoom, out, [&](Pen& pen) {
    pen.text("0\r\n");
    write_fields(*trailers, false, pen);
    pen.text("\r\n");
  });
}

}  // namespace sluice::h1
