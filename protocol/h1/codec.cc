// The reading side: takes a message apart into its parts and decides, after the head, how its
// content is delimited (RFC 9112 section 6.3). The writing side is in writer.cc.
#include "protocol/h1/codec.h"

#include <algorithm>
#include <cassert>

#include "protocol/grammar.h"
#include "protocol/h1/chunked.h"
#include "protocol/h1/control_fields.h"
#include "protocol/h1/request_head.h"
#include "protocol/h1/response_head.h"
#include "protocol/h1/second_opinion.h"

namespace sluice::h1 {

// What is known of a head while its lines are read; views into the input.
struct Codec::RequestReading {
  RequestHead& head;
  Target target;
  ControlFields control;
};

struct Codec::ResponseReading {
  ResponseHead& head;
  ControlFields control;
  MessageFacts facts;
};

Codec::Codec(Role role, const Limits& limits, Workspace& workspace)
    : workspace_(workspace), limits_(limits), role_(role) {}

Codec::~Codec() = default;

// --- State ---------------------------------------------------------------------------------------

Reading Codec::reading() const noexcept { return reading_; }
bool Codec::head_started() const noexcept { return head_started_; }
uint64_t Codec::content_left() const noexcept { return left_; }
bool Codec::peer_persists() const noexcept { return persists_; }
bool Codec::peer_is_http_1_0() const noexcept { return http_1_0_; }
void Codec::expect_response_to(Method method) noexcept { asked_ = method; }

void Codec::next_message() {
  left_ = 0;
  cursor_ = {};
  reading_ = Reading::head;
  framing_ = Framing::none;
  asked_ = Method::get;
  head_started_ = leading_line_ = false;
}

size_t Codec::fail(ProtocolError error, CodecSink& sink) {
  reading_ = Reading::failed;
  head_started_ = false;
  if (role_ == Role::client) error.status = 502;
  sink.on_reset(error);
  return 0;
}

void Codec::end_message(CodecSink& sink) {
  reading_ = Reading::done;
  sink.on_end();
}

void Codec::finish(CodecSink& sink) {
  switch (reading_) {
    case Reading::head:
      if (head_started_) fail({400, "closed within the head", ""}, sink);
      break;
    case Reading::body:
      if (framing_ == Framing::until_close) {
        end_message(sink);
      } else {
        fail({400, "closed within the content", ""}, sink);
      }
      break;
    case Reading::trailers:
      fail({400, "closed within the trailers", ""}, sink);
      break;
    case Reading::done:
    case Reading::failed:
    case Reading::tunnel:
      break;
  }
}

// --- Heads ---------------------------------------------------------------------------------------

size_t Codec::feed(const Slice& input, ServerSink& sink) {
  const size_t head = reading_ == Reading::head ? read_request_head(input, sink) : 0;
  return head + read_content(input.sub(head, input.size() - head), sink);
}

size_t Codec::feed(const Slice& input, ClientSink& sink) {
  size_t consumed = 0;
  while (reading_ == Reading::head) {  // interim heads, then the final one
    const size_t head = read_response_head(input.sub(consumed, input.size() - consumed), sink);
    consumed += head;
    if (head == 0) break;
  }
  return consumed + read_content(input.sub(consumed, input.size() - consumed), sink);
}

// Clients that end a POST with one CRLF too many are tolerated once (RFC 9112 section 2.2). Also
// tells at once what can be no request: a TLS record, another protocol's greeting.
size_t Codec::skip_leading_line(std::string_view input, ProtocolError& error) {
  if (cursor_.scanned != 0) return 0;
  if (input.front() == '\r' && !leading_line_) {
    if (input.size() == 1) return 0;
    if (input[1] == '\n') {
      leading_line_ = true;
      return 2;
    }
  }
  if (!is_token_octet(input.front())) error = {400, "octet that cannot start a request", ""};
  return 0;
}

Outcome Codec::read_field_lines(std::string_view input, ControlFields& control, FieldList& fields,
                                ProtocolError& error) {
  const SectionLimits section{.line = limits_.field_line,
                              .octets = limits_.head,
                              .fields = limits_.fields,
                              .status = 431,
                              .octets_name = "head",
                              .fields_name = "fields"};
  Field field;
  Outcome outcome;
  while ((outcome = next_field_line(input, section, cursor_, field, error)) == Outcome::line) {
    const bool taken = control.take(field);
    // In a response it is metadata as well: of what a GET would have sent, after HEAD and in a 304.
    const bool kept = role_ == Role::client && field.id == FieldId::content_length;
    if (!taken || kept) fields.add(field);
  }
  return outcome;
}

Outcome Codec::read_request_lines(std::string_view input, RequestReading& reading,
                                  ProtocolError& error) {
  if (cursor_.line_start == 0) {
    std::string_view line;
    const Outcome outcome = next_start_line(input, limits_.start_line, cursor_, line, error);
    if (outcome != Outcome::line) return outcome;
    error = parse_request_line(line, reading.head, reading.target);
    asked_ = reading.head.method;
    if (error.status != 0) return Outcome::failed;
  }
  return read_field_lines(input, reading.control, reading.head.fields, error);
}

size_t Codec::read_request_head(const Slice& input, ServerSink& sink) {
  if (input.empty()) return 0;
  ProtocolError error;
  if (const size_t skipped = skip_leading_line(input.view(), error); skipped != 0) {
    head_started_ = false;  // its CR may have come alone
    return skipped + read_request_head(input.sub(skipped, input.size() - skipped), sink);
  }
  if (error.status != 0) return fail(error, sink);
  head_started_ = true;
  Slice read_from = input;
  for (;;) {
    // Lines of earlier calls were checked, but not kept (the workspace serves other codecs
    // meanwhile): once the head is complete they are read again.
    const bool from_start = cursor_.line_start == 0;
    RequestReading reading{workspace_.request, {}, {}};
    reading.head.clear();
    const Outcome outcome = read_request_lines(read_from.view(), reading, error);
    if (outcome == Outcome::failed) return fail(error, sink);
    if (outcome == Outcome::need_more) return 0;
    // A head of a large block is kept outside it: an exchange may last long, and those blocks are
    // few.
    const bool oversize = cursor_.line_start > BlockPool::kBlockSize;
    if (from_start && (!oversize || read_from.data() != input.data())) {
      return end_request_head(read_from, reading, sink);
    }
    if (oversize) read_from = copy_of(input.view().substr(0, cursor_.line_start));
    cursor_ = {};
  }
}

size_t Codec::end_request_head(const Slice& input, RequestReading& reading, ServerSink& sink) {
  const size_t size = cursor_.line_start;
  RequestHead& head = reading.head;
  head.storage = input.sub(0, size);
  HeadReading ours;
  const ProtocolError error = finish_request_head(
      reading.target, reading.control, limits_.content_length, workspace_.pool, head, ours.facts);
  if (error.status != 0) return fail(error, sink);
  ours.method = head.method;
  ours.method_text = head.method_text;
  ours.content_is_read = ours.facts.chunked;
  if (!llhttp_agrees(head.storage.view(), ours)) return fail({400, "parsers disagree", ""}, sink);
  const Framing framing = ours.facts.chunked ? Framing::chunked
                          : head.has_body    ? Framing::content_length
                                             : Framing::none;
  start_content(ours, framing);
  sink.on_request_head(head);
  head.storage = head.derived = Slice();  // what the sink left there would pin a block
  if (reading_ == Reading::done) sink.on_end();
  return size;
}

Outcome Codec::read_response_lines(std::string_view input, ResponseReading& reading,
                                   ProtocolError& error) {
  if (cursor_.line_start == 0) {
    std::string_view line;
    const Outcome outcome = next_start_line(input, limits_.start_line, cursor_, line, error);
    if (outcome != Outcome::line) return outcome;
    error = parse_status_line(line, reading.head, reading.facts.http_1_0);
    if (error.status != 0) return Outcome::failed;
  }
  return read_field_lines(input, reading.control, reading.head.fields, error);
}

size_t Codec::read_response_head(const Slice& input, ClientSink& sink) {
  if (input.empty()) return 0;
  head_started_ = true;
  ProtocolError error;
  for (;;) {
    const bool from_start = cursor_.line_start == 0;  // as in read_request_head
    ResponseReading reading{workspace_.response, {}, {}};
    reading.head.clear();
    const Outcome outcome = read_response_lines(input.view(), reading, error);
    if (outcome == Outcome::failed) return fail(error, sink);
    if (outcome == Outcome::need_more) return 0;
    if (from_start) return end_response_head(input, reading, sink);
    cursor_ = {};
  }
}

// RFC 9112 section 6.3, for responses.
Framing Codec::response_framing(const ResponseReading& reading) const noexcept {
  if (has_no_content(asked_, reading.head.status)) return Framing::none;
  if (reading.facts.chunked) return Framing::chunked;
  if (!reading.facts.content_length) return Framing::until_close;
  return *reading.facts.content_length != 0 ? Framing::content_length : Framing::none;
}

size_t Codec::end_response_head(const Slice& input, ResponseReading& reading, ClientSink& sink) {
  const size_t size = cursor_.line_start;
  ResponseHead& head = reading.head;
  head.storage = input.sub(0, size);
  ProtocolError error = reading.control.finish(limits_.content_length, reading.facts, head.fields);
  if (error.status == 0) error = check_response_framing(head.status, reading.facts);
  if (error.status != 0) return fail(error, sink);
  const Framing framing = response_framing(reading);
  const HeadReading ours{.method = asked_,
                         .status = head.status,
                         .facts = reading.facts,
                         .content_is_read = framing == Framing::chunked};
  if (!llhttp_agrees(head.storage.view(), ours)) return fail({400, "parsers disagree", ""}, sink);

  const bool switches = head.status == 101 || (asked_ == Method::connect && head.status / 100 == 2);
  if (head.status < 200 && !switches) {
    cursor_ = {};
    head_started_ = false;
    sink.on_response_head(head, false);
    return size;
  }
  start_content(ours, framing);
  if (switches) reading_ = Reading::tunnel;
  sink.on_response_head(head, framing != Framing::none);
  if (reading_ == Reading::done) sink.on_end();
  return size;
}

bool Codec::llhttp_agrees(std::string_view head, const HeadReading& ours) {
  if (!ours.content_is_read) return SecondOpinion().agrees_on_head(head, ours);
  if (chunked_ == nullptr) chunked_ = std::make_unique<ChunkedReader>();
  chunked_->restart();
  return chunked_->opinion().agrees_on_head(head, ours);
}

// --- Content -------------------------------------------------------------------------------------

void Codec::start_content(const HeadReading& ours, Framing framing) {
  head_started_ = false;
  persists_ = ours.facts.persists && framing != Framing::until_close;
  http_1_0_ = ours.facts.http_1_0;
  keep_alive_timeout_ = ours.facts.keep_alive_timeout;
  framing_ = framing;
  left_ = framing == Framing::content_length ? *ours.facts.content_length : 0;
  reading_ = framing == Framing::none ? Reading::done : Reading::body;
}

size_t Codec::read_content(const Slice& input, CodecSink& sink) {
  if (input.empty() || (reading_ != Reading::body && reading_ != Reading::trailers)) return 0;
  if (framing_ == Framing::chunked) return read_chunked(input, sink);
  if (framing_ == Framing::content_length) return read_sized(input, sink);
  sink.on_body(input);
  return input.size();
}

size_t Codec::read_sized(const Slice& input, CodecSink& sink) {
  const auto size = static_cast<size_t>(std::min<uint64_t>(left_, input.size()));
  left_ -= size;
  sink.on_body(input.sub(0, size));
  if (left_ == 0) end_message(sink);
  return size;
}

void Codec::pass_over(uint64_t octets, CodecSink& sink) {
  assert(reading_ == Reading::body && octets > 0 && octets <= left_);
  left_ -= octets;
  if (left_ == 0) end_message(sink);
}

size_t Codec::read_chunked(const Slice& input, CodecSink& sink) {
  FieldList& trailers = workspace_.trailers;
  trailers.clear();
  size_t consumed = 0;
  while (chunked_->part() != ChunkedReader::Part::done && consumed < input.size()) {
    ProtocolError error;
    const std::string_view rest = input.view().substr(consumed);
    const ChunkedReader::Step step = chunked_->step(rest, limits_, trailers, error);
    if (error.status != 0) return consumed + fail(error, sink);
    if (step.consumed == 0) break;
    if (step.data_size != 0) sink.on_body(input.sub(consumed, step.data_size));
    consumed += step.consumed;
  }
  if (chunked_->part() == ChunkedReader::Part::trailers) reading_ = Reading::trailers;
  if (chunked_->part() == ChunkedReader::Part::done) {
    if (!trailers.empty()) sink.on_trailers(trailers);
    end_message(sink);
  }
  return consumed;
}

}  // namespace sluice::h1
