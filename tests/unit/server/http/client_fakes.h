// Who sends requests to upstreams, and who keeps connections to them, as tests command: what a
// connection promises both, whatever it speaks, is held here.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/http/client_connection.h"

namespace sluice::http {

// Who sent a request. Fails the test when it is told anything behind an end or its cancel(), or
// from within a call of the test's.
class FakeReceiver final : public ResponseReceiver {
 public:
  enum class At { head, body, trailers };

  void on_response_head(ResponseHead& head, bool has_body) override {
    expect_wanted("head");
    for (const Field& field : head.fields)
      fields.emplace_back(std::string(field.name), std::string(field.value));
    if (head.status < 200) {
      interims.push_back(head.status);
    } else {
      status = head.status;
      has_content = has_body;
    }
    now(At::head);
  }
  void on_response_body(Slice octets) override {
    expect_wanted("content");
    body += octets.view();
    unconsumed += octets.size();
    slices.push_back(std::move(octets));
    now(At::body);
  }
  void on_response_trailers(const FieldList& list) override {
    expect_wanted("trailers");
    for (const Field& field : list)
      trailers.emplace_back(std::string(field.name), std::string(field.value));
    now(At::trailers);
  }
  void on_response_end() override {
    expect_wanted("end");
    ended = true;
  }
  void on_response_failed(const UpstreamFailure& why) override {
    expect_wanted("failure");
    failure = why;
    if (on_failure) on_failure();
  }
  bool wants_response_body() const override { return wants; }

  void cancel() {
    cancelled = true;
    stream->cancel();
  }
  void consume() {
    slices.clear();
    if (unconsumed > 0) stream->consumed(std::exchange(unconsumed, 0), true);
  }
  std::string field(std::string_view name) const {
    for (const auto& [one, value] : fields)
      if (one == name) return value;
    return "(none)";
  }

  RequestHead asked;
  ClientStream* stream = nullptr;
  const bool* calling = nullptr;  // the fixture is within a call
  std::optional<At> cancel_at;
  std::function<void()> on_failure;
  bool wants = true;  // content

  int status = 0;
  bool has_content = false;
  std::vector<int> interims;
  std::vector<std::pair<std::string, std::string>> fields, trailers;
  std::string body;
  std::vector<Slice> slices;
  uint64_t unconsumed = 0;
  bool ended = false;
  bool cancelled = false;
  std::optional<UpstreamFailure> failure;

 private:
  void expect_wanted(const char* what) const {
    EXPECT_FALSE(ended) << what << " behind the end";
    EXPECT_FALSE(failure) << what << " behind a failure";
    EXPECT_FALSE(cancelled) << what << " behind cancel()";
    EXPECT_FALSE(*calling) << what << " from within a call";
  }
  void now(At what) {
    if (cancel_at == what) cancel();
  }
};

class FakeOwner final : public ClientConnectionOwner {
 public:
  void on_available(ClientConnection&) override {
    EXPECT_EQ(ended, 0);
    ++available;
    if (when_available) when_available();
  }
  void on_ended(ClientConnection& connection) override {
    ++ended;
    closed_while_idle = connection.closed_while_idle();
    EXPECT_FALSE(connection.takes_request());
  }
  int available = 0;
  int ended = 0;
  bool closed_while_idle = false;
  std::function<void()> when_available;
};

}  // namespace sluice::http
