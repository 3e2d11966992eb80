// Feeds a codec the way a connection does, and writes down what it says, so that two ways of
// cutting the same octets into reads can be compared as text.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/grammar.h"
#include "protocol/h1/codec.h"

namespace sluice::h1 {

inline constexpr Limits kTestLimits{.start_line = 8192,
                                    .field_line = 8192,
                                    .head = 32768,
                                    .fields = 100,
                                    .trailer_fields = 32,
                                    .trailers = 8192,
                                    .chunk_line = 256,
                                    .chunk_extensions = 16384,
                                    .content_length = uint64_t{1} << 40};

// One line an event; adjoining body octets become one line.
class EventLog {
 public:
  void body(std::string_view octets) { body_ += octets; }
  void line(std::string text) {
    flush();
    text_ += text + "\n";
  }
  void fields(const FieldList& fields) {
    for (const Field& field : fields) {
      // Writers take the reader's word for it.
      if (!field.checked || !is_token(field.name) || !is_field_value(field.value)) std::abort();
      line("  " + std::string(field.name) + ": " + std::string(field.value));
    }
  }
  std::string take() {
    flush();
    return std::exchange(text_, {});
  }

 private:
  void flush() {
    if (!body_.empty()) text_ += "body " + std::exchange(body_, {}) + "\n";
  }
  std::string text_;
  std::string body_;
};

template <typename Base>
class RecorderBase : public Base {
 public:
  void on_body(Slice octets) override { log.body(octets.view()); }
  void on_trailers(const FieldList& trailers) override {
    log.line("trailers");
    log.fields(trailers);
  }
  void on_end() override { log.line("end"); }
  void on_reset(const ProtocolError& error) override {
    log.line("reset " + std::to_string(error.status) + " " + std::string(error.cause) + " [" +
             std::string(error.limit) + "]");
    last_error = error;
  }

  EventLog log;
  ProtocolError last_error;
};

class ServerRecorder final : public RecorderBase<ServerSink> {
 public:
  void on_request_head(RequestHead& head) override {
    std::string text = "request " + std::string(head.method_text) + " " + std::string(head.target);
    text += " path=" + std::string(head.path);
    if (head.has_query) text += " query=" + std::string(head.query);
    text += " authority=" + std::string(head.authority) + " " + std::string(head.protocol);
    if (!head.scheme.empty()) text += " scheme=" + std::string(head.scheme);
    if (head.content_length) text += " length=" + std::to_string(*head.content_length);
    if (head.has_body) text += " body";
    if (head.expects_continue) text += " expects-continue";
    if (!head.tunnel.empty()) text += " tunnel=" + std::string(head.tunnel);
    log.line(text);
    log.fields(head.fields);
  }
};

class ClientRecorder final : public RecorderBase<ClientSink> {
 public:
  void on_response_head(ResponseHead& head, bool has_body) override {
    log.line("response " + std::to_string(head.status) + (has_body ? " body" : ""));
    log.fields(head.fields);
  }
};

// One codec with what it needs around it.
template <Role kRole, typename Recorder>
class Reader {
 public:
  explicit Reader(const Limits& limits = kTestLimits)
      : limits_(limits), workspace_(pool_), codec(kRole, limits_, workspace_) {}

  // One read of `octets`: feeds what was left over with them, message by message, until nothing
  // moves.
  void read(std::string_view octets) {
    waiting_ += octets;
    for (;;) {
      const Slice input = copy_of(waiting_);
      const size_t consumed = codec.feed(input, recorder);
      waiting_.erase(0, consumed);
      const bool again = codec.reading() == Reading::done && next_message();
      if (consumed == 0 && !again) return;
    }
  }
  void finish() { codec.finish(recorder); }
  std::string events() { return recorder.log.take(); }
  const std::string& waiting() const { return waiting_; }

  // Role client: methods of the requests that responses answer, in order; GET when none is left.
  std::vector<Method> asked;
  void ask() {
    if (asked.empty()) return;
    codec.expect_response_to(asked.front());
    asked.erase(asked.begin());
  }

 private:
  bool next_message() {
    if (stop_after_message) return false;
    recorder.log.line(codec.peer_persists() ? "persists" : "closes");
    codec.next_message();
    ask();
    return !waiting_.empty();
  }

  Limits limits_;
  BlockPool pool_;
  Workspace workspace_;
  std::string waiting_;

 public:
  Recorder recorder;
  Codec codec;
  bool stop_after_message = false;
};

using ServerReader = Reader<Role::server, ServerRecorder>;
using ClientReader = Reader<Role::client, ClientRecorder>;

// Reads `octets` whole, cut in two at every offset, and octet by octet. Returns the events of the
// first, or what differs: a difference fails every comparison with expected events.
template <typename AnyReader>
std::string read_every_way(std::string_view octets, const Limits& limits = kTestLimits,
                           const std::vector<Method>& asked = {}, bool close = false) {
  const auto read = [&](const std::vector<std::string_view>& pieces) {
    AnyReader reader(limits);
    reader.asked = asked;
    reader.ask();
    for (const std::string_view piece : pieces) reader.read(piece);
    if (close) reader.finish();
    return reader.events();
  };
  const std::string whole = read({octets});
  for (size_t cut = 1; cut < octets.size(); ++cut) {
    const std::string events = read({octets.substr(0, cut), octets.substr(cut)});
    if (events != whole)
      return "cut at " + std::to_string(cut) + ":\n" + events + "whole:\n" + whole;
  }
  std::vector<std::string_view> octet_by_octet;
  for (size_t at = 0; at < octets.size(); ++at) octet_by_octet.push_back(octets.substr(at, 1));
  const std::string events = read(octet_by_octet);
  return events == whole ? whole : "octet by octet:\n" + events + "whole:\n" + whole;
}

inline std::string requests(std::string_view octets, const Limits& limits = kTestLimits) {
  return read_every_way<ServerReader>(octets, limits);
}

// The last event when it is a refusal: "400 cause [limit]"; else all events.
inline std::string refusal(std::string_view octets, const Limits& limits = kTestLimits) {
  const std::string events = requests(octets, limits);
  const size_t at = events.rfind("reset ");
  const bool is_last = at != std::string::npos && events.find('\n', at) == events.size() - 1;
  return is_last && events.find("whole:") == std::string::npos
             ? events.substr(at + 6, events.size() - at - 7)
             : events;
}

}  // namespace sluice::h1
