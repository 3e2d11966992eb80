// Rare lines, of strings put together: clear before quick.
#include "server/ops/handshake_line.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "server/ops/handshake_json.h"
#include "server/ops/handshake_lanes.h"
#include "server/ops/quoted.h"
#include "tls/handshake_failure.h"
#include "tls/handshake_report.h"
#include "tls/registry.h"
#include "tls/session.h"

namespace sluice::ops {
namespace {

using http::HandshakeEnd;
using http::HandshakeRecord;
using Json = nlohmann::ordered_json;
using Strings = std::vector<std::string>;

constexpr size_t kMostShown = 8;      // of a list; the rest is counted
constexpr size_t kLongestShown = 32;  // octets of one protocol's name

std::string_view end_text(HandshakeEnd end) noexcept {
  switch (end) {
    case HandshakeEnd::established:
      return "established";
    case HandshakeEnd::failed:
      return "failed";
    case HandshakeEnd::clear_text:
      return "clear text";
    case HandshakeEnd::left:
      return "client left";
    case HandshakeEnd::timed_out:
      return "timed out";
  }
  return "";
}

tls::HandshakeFailure explain(const HandshakeRecord& record) {
  return tls::explain_handshake(*record.report, *record.context, record.session->choice(),
                                record.end);
}

// --- What is said in both forms ------------------------------------------------------------------

std::string time_text(int64_t microseconds, CachedDate& date) {
  const int64_t wall = std::max<int64_t>(microseconds, 0);
  std::string text(date.at(wall / 1'000'000));
  std::array<char, 8> rest;
  LineCursor out{rest.data()};
  out.octet('.');
  out.three_digits(static_cast<unsigned>(wall / 1000 % 1000));
  out.octet('Z');
  return text.append(rest.data(), static_cast<size_t>(out.at - rest.data()));
}

double milliseconds(const HandshakeRecord& record) noexcept {
  return static_cast<double>(std::max<int64_t>(record.duration.count(), 0)) / 1000;
}

std::string escaped(std::string_view text) {
  const std::string_view shown = text.substr(0, kLongestShown);
  std::string out(4 * shown.size(), '\0');
  LineCursor cursor{out.data()};
  append_escaped(cursor, shown);
  out.resize(static_cast<size_t>(cursor.at - out.data()));
  return out + (shown.size() < text.size() ? "..." : "");
}

// The first kMostShown, and how many more there are.
Strings shown(Strings names) {
  if (names.size() > kMostShown + 1) {
    const size_t more = names.size() - kMostShown;
    names.resize(kMostShown);
    names.push_back("+" + std::to_string(more));
  }
  return names;
}

template <typename Name>
Strings names_of(const std::vector<uint16_t>& values, Name name) {
  Strings names;
  for (const uint16_t value : values) {
    if (!tls::is_grease(value)) names.push_back(name(value));
  }
  return shown(std::move(names));
}

struct Offer {
  std::string server_name;
  Strings versions, groups, alpn;
};

Offer offer_of(const tls::HandshakeReport& report) {
  if (!report.hello) return {};
  const tls::ClientHello& hello = *report.hello;
  Offer offer{.server_name = hello.has_invalid_server_name ? "(no host name)" : hello.server_name,
              .versions = names_of(hello.versions, tls::version_name),
              .groups = names_of(hello.groups, tls::group_name),
              .alpn = {}};
  if (hello.versions.empty()) offer.versions = {tls::version_name(hello.legacy_version)};
  for (const std::string& name : hello.alpn) offer.alpn.push_back(escaped(name));
  offer.alpn = shown(std::move(offer.alpn));
  return offer;
}

// --- For people ----------------------------------------------------------------------------------

std::string joined(const Strings& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

// "TLS1.2": a line's members have no spaces.
std::string joined_versions(const Strings& names) {
  std::string text = joined(names);
  std::erase(text, ' ');
  return text;
}

void add(std::string& line, std::string_view key, const std::string& value) {
  if (value.empty()) return;
  line += ' ';
  line += key;
  line += '=';
  line += value;
}

std::string alert_text(int description) {
  return description < 0 ? "" : tls::alert_name(static_cast<uint8_t>(description));
}

std::string duration_text(const HandshakeRecord& record) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.1fms", milliseconds(record));
  return text.data();
}

// Who it was, and what became of it in time.
void add_members(std::string& line, const HandshakeRecord& record) {
  const Offer offer = offer_of(*record.report);
  add(line, "peer", escaped(record.peer));
  add(line, "sni", offer.server_name);
  add(line, "versions", joined_versions(offer.versions));
  add(line, "groups", joined(offer.groups));
  if (!offer.alpn.empty()) add(line, "alpn", '"' + joined(offer.alpn) + '"');
  add(line, "sent", alert_text(record.report->alert_sent));
  add(line, "received", alert_text(record.report->alert_received));
  add(line, "duration", duration_text(record));
}

std::string result_text(const HandshakeRecord& record) {
  std::string text(end_text(record.end));
  if (record.end != HandshakeEnd::established) return text;
  const tls::HandshakeSummary summary = record.report->trace->summary();
  text += ", " + tls::version_name(summary.version) + ", " + tls::suite_name(summary.suite);
  text += summary.resumed ? ", resumed" : ", full";
  return text + ", " + std::to_string(summary.round_trips) +
         (summary.round_trips == 1 ? " round trip" : " round trips");
}

// Every line of `text` behind two spaces.
void append_continued(std::string& record, std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    record += "  ";
    record += text.substr(0, end);
    record += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// --- For machines --------------------------------------------------------------------------------

// What a client sent is escaped by now; paths of ours may be anything.
std::string to_line(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json begin_json(const HandshakeRecord& record, std::string_view level, std::string_view event,
                CachedDate& date) {
  Json json = Json::object();
  json["time"] = time_text(record.wall_microseconds, date);
  json["level"] = level;
  json["event"] = event;
  return json;
}

}  // namespace

bool is_failed_handshake(const HandshakeRecord& record) noexcept {
  return record.end != HandshakeEnd::established && !tls::is_mere_visit(*record.report, record.end);
}

std::string failed_handshake_text(const HandshakeRecord& record, CachedDate& date) {
  std::string line = time_text(record.wall_microseconds, date) + " error handshake failed: ";
  line += explain(record).reason;
  add_members(line, record);
  return line + '\n';
}

std::string failed_handshake_json(const HandshakeRecord& record, CachedDate& date) {
  const tls::HandshakeFailure failure = explain(record);
  const Offer offer = offer_of(*record.report);
  Json json = begin_json(record, "error", "handshake failed", date);
  json["kind"] = failure.kind;
  json["cause"] = failure.reason;
  json["remote"] = escaped(record.peer);
  json["sni"] = text_or_null(offer.server_name);
  json["versions"] = offer.versions;
  json["groups"] = offer.groups;
  json["alpn"] = offer.alpn;
  json["alert_sent"] = text_or_null(alert_text(record.report->alert_sent));
  json["alert_received"] = text_or_null(alert_text(record.report->alert_received));
  json["duration_ms"] = milliseconds(record);
  return to_line(json) + '\n';
}

std::string handshake_trace_text(const HandshakeRecord& record, CachedDate& date, size_t most) {
  constexpr std::string_view kCut = "  ... and more, which is cut here\n";
  std::string text = time_text(record.wall_microseconds, date) + " info handshake trace: ";
  text += result_text(record);
  add_members(text, record);
  text += '\n';
  append_continued(text, lanes_text(*record.report->trace, {}));
  if (text.size() <= most) return text;
  // Behind the last whole line that leaves room to say so.
  const size_t room = most > kCut.size() ? most - kCut.size() : 0;
  const size_t end = room == 0 ? std::string::npos : text.rfind('\n', room - 1);
  text.resize(end == std::string::npos ? 0 : end + 1);
  return text.empty() ? text : text.append(kCut);
}

std::string handshake_trace_json(const HandshakeRecord& record, CachedDate& date, size_t most) {
  Json json = begin_json(record, "info", "handshake trace", date);
  json["remote"] = escaped(record.peer);
  json["sni"] = text_or_null(offer_of(*record.report).server_name);
  json["end"] = end_text(record.end);
  json["duration_ms"] = milliseconds(record);
  const std::string trace = trace_json(*record.report->trace);
  std::string line = to_line(json);
  line.pop_back();
  line += R"(,"trace":)" + trace + "}\n";
  if (line.size() <= most) return line;
  json["trace_octets"] = trace.size();
  return to_line(json) + '\n';
}

}  // namespace sluice::ops
