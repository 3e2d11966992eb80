// What the HTTP/2 codec's fuzz targets share: an end whose sinks and sources hold the codec to its
// contract, and the input as pieces and commands.
#pragma once

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/block.h"
#include "protocol/h2/codec.h"
#include "tests/unit/protocol/h2/frames.h"
#include "tests/unit/protocol/h2/test_limits.h"

namespace sluice::h2::fuzz {

// Stops the fuzzer with what was found wrong.
inline void require(bool condition, const char* rule) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", rule);
  std::abort();
}

// The unit tests' limits, made small enough for a fuzzer to meet them.
inline Limits small_limits() {
  Limits limits = test_limits();
  limits.streams = 8;
  limits.head = 1024;
  limits.target = 128;
  limits.field = 256;
  limits.fields = 12;
  limits.trailer_fields = 3;
  limits.trailers = 256;
  limits.fields_fatal = 64;
  limits.head_block = 2048;
  limits.content_length = 4096;
  limits.stream_window = 512;
  limits.stream_window_most = 4096;
  limits.floods.resets = {20, 1};
  return limits;
}

// A source that gives as much as its seed says, with pauses.
class Trickle final : public BodySource {
 public:
  explicit Trickle(uint8_t seed) : seed_(seed), left_(seed * 37U) { trailers_.add("x-sum", "1"); }
  Pull pull(Chain& out, size_t max) override {
    require(max > 0, "a source was pulled for nothing");
    require(!over_, "a source was pulled after its end");
    const bool pauses = !std::exchange(paused_, true) && seed_ % 3 == 0;
    if (pauses) return Pull::pending;
    paused_ = false;
    const size_t size = std::min<size_t>({max, left_, size_t{1} + seed_ % 64});
    out.append(copy_of(std::string(size, 'c')));
    left_ -= size;
    if (left_ > 0) return Pull::ready;
    over_ = true;
    return seed_ % 5 == 0 ? Pull::failed : Pull::end;
  }
  const FieldList* trailers() const override { return seed_ % 4 == 0 ? &trailers_ : nullptr; }

 private:
  const uint8_t seed_;
  size_t left_;
  FieldList trailers_;
  bool paused_ = false;
  bool over_ = false;
};

// Of either role: what a codec may call, in which order.
// In either role: what a codec may call, in which order. Which of these override depends on it.
template <typename Sink>
class Checked final : public Sink {
 public:
  void on_request_head(RequestHead& head) {
    open("a second head", !head_);
    head_ = true;
    require(head.method == Method::connect || head.path == "*" || head.path.starts_with('/'),
            "a path is relative");
    require(!head.authority.empty(), "no authority");
    check(head.fields);
  }
  void on_response_head(ResponseHead& head, bool) {
    open("a head behind the final one", !head_);
    require(head.status >= 100 && head.status <= 999, "a status out of range");
    head_ = head.status >= 200;
    check(head.fields);
  }
  void on_body(Slice octets) {
    open("content before the head", head_);
    require(!octets.empty(), "empty content");
    received += octets.size();
    waiting += octets.size();
  }
  void on_trailers(const FieldList& trailers) {
    open("trailers before the head", head_);
    check(trailers);
  }
  void on_end() {
    open("the end before the head", head_);
    ended_ = true;
  }
  void on_reset(const ProtocolError& error) {
    open("reset", true);
    require(error.status != 0, "reset for nothing");
    refused = true;
  }
  void close() {
    require(!closed, "closed twice");
    require(!released, "closed after release");
    closed = true;
  }

  uint64_t received = 0;
  uint64_t waiting = 0;
  bool refused = false, closed = false, released = false, answered = false;
  std::unique_ptr<Trickle> source;

 private:
  void open(const char* rule, bool condition) const {
    require(condition, rule);
    require(!ended_ && !refused && !closed && !released, "something behind the last word");
  }
  static void check(const FieldList& fields) {
    for (const Field& field : fields) {
      require(!field.name.empty() && field.name.front() != ':', "a pseudo-field was handed on");
      require(!is_hop_by_hop(field), "a connection's field was handed on");
      require(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos,
              "a value of two lines");
    }
  }
  bool head_ = false;
  bool ended_ = false;
};

template <typename Sink>
class FuzzedEnd : public CodecEvents {
 public:
  explicit FuzzedEnd(Role role, const Limits& limits)
      : workspace(pool),
        codec({.role = role, .connect_protocol = true}, limits, workspace, *this) {}

  void on_stream_closed(StreamId id, CodecSink& sink, ErrorCode, bool) override {
    const auto found = streams.find(id);
    require(found != streams.end() && found->second.get() == &sink, "another stream was closed");
    found->second->close();
  }
  void on_stream_framed(StreamId, CodecSink& sink) override {
    const auto& one = static_cast<Sink&>(sink);
    require(!one.closed && !one.released, "framed behind the close");
  }

  // Feeds it in two pieces.
  bool feed(std::string_view octets, size_t cut) {
    cut = std::min(cut, octets.size());
    bool alive = true;
    for (const std::string_view piece : {octets.substr(0, cut), octets.substr(cut)})
      if (!piece.empty() && alive) alive = codec.feed(copy_of(piece), now());
    return alive;
  }
  std::string say(uint64_t until) {
    Chain out;
    require(codec.produce(out, until, now()), "out of memory");
    require(until == UINT64_MAX || out.size() < until + 80'000, "far more than it was asked for");
    return out.to_string();
  }
  void consume() {
    for (const auto& [id, stream] : streams) {
      if (stream->waiting == 0 || stream->released) continue;
      codec.consume(id, stream->waiting, true);
      codec.consume_connection(std::exchange(stream->waiting, 0));
    }
  }
  void release(StreamId id) {
    const auto found = streams.find(id);
    if (found == streams.end() || found->second->closed || found->second->released) return;
    codec.release(id);
    found->second->released = true;
    found->second->source.reset();
  }
  Time now() const { return Time{} + std::chrono::milliseconds(milliseconds); }

  uint64_t milliseconds = 0;
  BlockPool pool;
  Workspace workspace;
  std::map<StreamId, std::unique_ptr<Sink>> streams;
  Codec codec;
};

// Reads what an end said: whole frames that the other end may take, and blocks that HPACK knows.
class Reader {
 public:
  explicit Reader(std::string_view preface) : waiting_preface_(preface) {
    require(nghttp2_hd_inflate_new(&inflater_) == 0, "memory");
  }
  ~Reader() { nghttp2_hd_inflate_del(inflater_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // Requires: what was produced, which ends with a whole frame.
  void read(std::string_view said) {
    if (!said.empty() && !waiting_preface_.empty()) {
      require(said.starts_with(waiting_preface_), "no preface");
      said.remove_prefix(std::exchange(waiting_preface_, {}).size());
    }
    size_t size = 0;
    for (const Frame& one : frames_of(said)) {
      size += 9 + one.payload.size();
      read(one);
    }
    require(size == said.size(), "half a frame was produced");
  }

 private:
  void read(const Frame& one) {
    require(one.payload.size() <= 16'384, "a frame is too large");
    require(!in_block_ || one.type == kContinuation, "a block was interrupted");
    const bool message = one.type == kHeaders || one.type == kData;
    if (message) require(!over_[one.stream], "a frame behind the last");
    if (one.type == kData) require(begun_[one.stream], "content before the head");
    if (one.type == kHeaders) begun_[one.stream] = true;
    if (one.type == kRstStream || (message && (one.flags & kEndStream) != 0))
      over_[one.stream] = true;
    if (one.type == kHeaders || one.type == kPushPromise || one.type == kContinuation) inflate(one);
  }
  void inflate(const Frame& one) {
    std::string_view block = one.payload;
    if (one.type == kPushPromise) block.remove_prefix(4);
    in_block_ = (one.flags & kEndHeaders) == 0;
    for (int flags = 0;;) {
      nghttp2_nv field;
      const ssize_t size = nghttp2_hd_inflate_hd2(inflater_, &field, &flags,
                                                  reinterpret_cast<const uint8_t*>(block.data()),
                                                  block.size(), in_block_ ? 0 : 1);
      require(size >= 0, "a block that HPACK does not know");
      block.remove_prefix(static_cast<size_t>(size));
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) {
        nghttp2_hd_inflate_end_headers(inflater_);
        break;
      }
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) == 0 && block.empty()) break;
    }
  }
  std::string_view waiting_preface_;
  nghttp2_hd_inflater* inflater_ = nullptr;
  bool in_block_ = false;
  std::map<StreamId, bool> begun_, over_;
};

// Octets of the input, one after the other; zeroes behind its end.
class Commands {
 public:
  explicit Commands(std::string_view octets) : octets_(octets) {}
  bool empty() const { return octets_.empty(); }
  uint8_t next() {
    if (octets_.empty()) return 0;
    const auto octet = static_cast<uint8_t>(octets_.front());
    octets_.remove_prefix(1);
    return octet;
  }
  std::string_view take(size_t size) {
    const std::string_view some = octets_.substr(0, size);
    octets_.remove_prefix(some.size());
    return some;
  }

 private:
  std::string_view octets_;
};

}  // namespace sluice::h2::fuzz
