// A step is what one side sends before it waits for the other; its heading follows from what is in
// it.
#include "server/ops/handshake_lanes.h"

#include <algorithm>
#include <vector>

#include "server/ops/handshake_words.h"
#include "server/ops/printable.h"

namespace sluice::ops {
namespace {

using Lines = std::vector<std::string>;
using tls::ContentType;
using tls::MessageType;
using tls::Role;
using tls::TracedMessage;

// Octets of the first `columns` characters of `text`.
size_t octets_of(std::string_view text, size_t columns) {
  size_t at = 0;
  while (at < text.size() && columns_of(text.substr(0, at + 1)) <= columns) ++at;
  return at;
}

struct Step {
  Role sender = Role::client;
  std::vector<const TracedMessage*> messages;

  bool has(MessageType type) const {
    return std::any_of(messages.begin(), messages.end(), [type](const TracedMessage* message) {
      return message->content == ContentType::handshake && message->type == type;
    });
  }
  bool has(ContentType content) const {
    return std::any_of(messages.begin(), messages.end(), [content](const TracedMessage* message) {
      return message->content == content;
    });
  }
  bool has_retry() const {
    return std::any_of(messages.begin(), messages.end(), [](const TracedMessage* message) {
      return message->name() == "HelloRetryRequest";
    });
  }
};

// A new step when the other side speaks, and for what comes after the handshake.
std::vector<Step> steps_of(const tls::HandshakeTrace& trace) {
  std::vector<Step> steps;
  bool over[2] = {false, false};
  bool is_after = false;
  for (const TracedMessage& message : trace.messages()) {
    const bool begins_after = over[0] && over[1] && !is_after;
    if (steps.empty() || steps.back().sender != message.sender || begins_after)
      steps.push_back({.sender = message.sender});
    is_after = is_after || begins_after;
    steps.back().messages.push_back(&message);
    if (message.content == ContentType::handshake && message.type == MessageType::finished)
      over[static_cast<size_t>(message.sender)] = true;
  }
  return steps;
}

void add(std::string& text, std::string_view part) {
  if (!text.empty()) text += ", ";
  text += part;
}

std::string client_heading(const Step& step, const tls::HandshakeSummary& summary) {
  std::string text;
  if (step.has(MessageType::client_hello)) text = "hello";
  if (step.has(MessageType::certificate)) add(text, "certificate");
  if (step.has(MessageType::client_key_exchange)) {
    add(text, summary.key_exchange == tls::KeyExchange::rsa ? "pre-master secret" : "key exchange");
  }
  if (step.has(ContentType::change_cipher_spec) && summary.version < tls::kTls13)
    add(text, "change cipher spec");
  if (step.has(MessageType::finished)) add(text, "finished with its digest");
  return text;
}

std::string server_heading(const Step& step, const tls::HandshakeSummary& summary) {
  if (step.has_retry()) return "hello again, please, with another key share";
  std::string text;
  const bool is_tls13 = summary.version == tls::kTls13;
  if (step.has(MessageType::server_hello)) text = is_tls13 ? "hello with key share" : "hello";
  if (step.has(MessageType::certificate))
    add(text, is_tls13 ? "encrypted: certificate" : "certificate");
  if (step.has(MessageType::server_hello) && !is_tls13) add(text, "random");
  if (step.has(MessageType::server_key_exchange)) add(text, "key exchange");
  if (step.has(MessageType::certificate_verify)) add(text, "its proof");
  if (step.has(ContentType::change_cipher_spec) && !is_tls13) add(text, "change cipher spec");
  if (step.has(MessageType::finished))
    add(text, is_tls13 ? "finished" : "finished with its digest");
  return text;
}

std::string heading(const Step& step, const tls::HandshakeSummary& summary) {
  std::string text =
      step.sender == Role::client ? client_heading(step, summary) : server_heading(step, summary);
  if (step.has(ContentType::alert)) add(text, "alert");
  return text.empty() ? "further messages" : text;
}

class Lanes {
 public:
  Lanes(const TextStyle& style, std::string& out)
      : style_(style), columns_(std::clamp<size_t>(style.columns, 80, 120)), out_(out) {}

  void head() {
    line(padded("client", width()), "server");
    line(std::string(width(), '-'), std::string(width(), '-'));
  }

  // 0: what comes after the handshake.
  void step(size_t number, const std::string& title) {
    const std::string text = number == 0 ? std::string("After the handshake")
                                         : "Step " + std::to_string(number) + ": " + title;
    for (const std::string& row : wrapped(text, columns_, 4)) out_ += painted(kBold, row) + "\n";
  }

  void message(const TracedMessage& message, uint16_t version) {
    const bool from_client = message.sender == Role::client;
    const bool is_alert = message.content == ContentType::alert;
    const std::string_view colour = is_alert ? kRed : from_client ? kGreen : kCyan;
    for (const std::string& row : head_lines(message)) put(from_client, row, colour);
    for (const std::string& detail : message_details(message, version)) {
      const size_t indent = std::min(detail.find_first_not_of(' '), detail.size()) + 4;
      for (const std::string& row : wrapped("  " + detail, width(), indent))
        put(from_client, row, {});
    }
  }

 private:
  size_t width() const { return (columns_ - 3) / 2; }

  static std::string padded(std::string text, size_t columns) {
    const size_t taken = columns_of(text);
    if (taken < columns) text.append(columns - taken, ' ');
    return text;
  }

  std::string painted(std::string_view colour, const std::string& text) const {
    if (!style_.colours || colour.empty()) return text;
    return std::string(colour) + text + std::string(kReset);
  }

  // "ClientHello, 224 octets, 0.3 ms -->"; "<-- ServerHello, ...". In two rows where one is too
  // narrow.
  Lines head_lines(const TracedMessage& message) const {
    const bool from_client = message.sender == Role::client;
    const std::string name = (from_client ? "" : "<-- ") + message.name();
    const std::string rest = octets_text(message.size) + (message.encrypted ? " encrypted" : "") +
                             ", " + time_text(message.at);
    const size_t room = width() - (from_client ? 4 : 0);
    const bool fits = columns_of(name) + 2 + columns_of(rest) <= room;
    Lines rows = fits ? Lines{name + ", " + rest} : Lines{name, "    " + rest};
    if (from_client) rows.front() += arrow(width() - columns_of(rows.front()));
    return rows;
  }

  // " --->" of this many columns, four or more.
  static std::string arrow(size_t columns) { return " " + std::string(columns - 2, '-') + ">"; }

  void put(bool left, const std::string& text, std::string_view colour) {
    if (left) {
      line(painted(colour, padded(text, width())), "");
    } else {
      line(std::string(width(), ' '), painted(colour, text));
    }
  }

  void line(const std::string& left, const std::string& right) {
    out_ += left + " |" + (right.empty() ? "" : " " + right) + "\n";
  }

  TextStyle style_;
  size_t columns_;
  std::string& out_;
};

}  // namespace

std::vector<std::string> wrapped(std::string_view text, size_t columns, size_t indent) {
  std::vector<std::string> lines;
  std::string begin;
  while (columns_of(text) + begin.size() > columns) {
    const size_t room = octets_of(text, columns - begin.size());
    size_t end = text.substr(0, room + 1).rfind(' ');
    // No space behind the words' own indentation: cut a long word.
    if (end == std::string_view::npos || end <= text.find_first_not_of(' ')) end = room;
    lines.push_back(begin + std::string(text.substr(0, end)));
    text.remove_prefix(end);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    begin = std::string(indent, ' ');
  }
  if (!text.empty() || lines.empty()) lines.push_back(begin + std::string(text));
  return lines;
}

std::string lanes_text(const tls::HandshakeTrace& trace, const TextStyle& style) {
  const tls::HandshakeSummary summary = trace.summary();
  std::string out;
  Lanes lanes(style, out);
  lanes.head();
  size_t number = 0;
  bool over[2] = {false, false};
  for (const Step& step : steps_of(trace)) {
    const bool is_after = over[0] && over[1];
    if (!is_after || number > 0) lanes.step(is_after ? 0 : number + 1, heading(step, summary));
    number = is_after ? 0 : number + 1;
    for (const TracedMessage* message : step.messages) lanes.message(*message, summary.version);
    if (step.has(MessageType::finished)) over[static_cast<size_t>(step.sender)] = true;
  }
  if (trace.left_out() > 0)
    out += "and " + std::to_string(trace.left_out()) + " further messages\n";
  return out;
}

}  // namespace sluice::ops
