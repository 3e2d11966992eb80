// Handlers, sources and filters that tests answer with: second users of the interfaces that carry
// everything.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/http/exchange.h"
#include "server/http/exchange_record.h"

namespace sluice::http {

// Content from a string, in pieces of `piece` octets, its length announced or not.
class TextSource final : public BodySource {
 public:
  explicit TextSource(std::string text, bool known_length = true, size_t piece = SIZE_MAX)
      : text_(std::move(text)), known_length_(known_length), piece_(piece) {}

  Pull pull(Chain& out, size_t max) override {
    const size_t part = std::min({max, piece_, text_.size() - given_});
    if (part > 0) out.append(copy_of(std::string_view(text_).substr(given_, part)));
    given_ += part;
    return given_ == text_.size() ? Pull::end : Pull::ready;
  }
  std::optional<uint64_t> length() const override {
    return known_length_ ? std::optional<uint64_t>(text_.size()) : std::nullopt;
  }

 private:
  std::string text_;
  bool known_length_;
  size_t piece_;
  size_t given_ = 0;
};

// Content that a test hands out by itself; counts what the stream does with it.
struct Tap {
  std::string ready;
  bool ended = false;
  bool failed = false;
  int pulls = 0;
  int cancels = 0;
  int destroyed = 0;
  std::optional<uint64_t> length;
};
class TapSource final : public BodySource {
 public:
  explicit TapSource(Tap& tap) : tap_(tap) {}
  ~TapSource() override { ++tap_.destroyed; }
  Pull pull(Chain& out, size_t max) override {
    ++tap_.pulls;
    if (tap_.failed) return Pull::failed;
    const size_t part = std::min(max, tap_.ready.size());
    if (part > 0) out.append(copy_of(std::string_view(tap_.ready).substr(0, part)));
    tap_.ready.erase(0, part);
    if (tap_.ready.empty() && tap_.ended) return Pull::end;
    return part > 0 ? Pull::ready : Pull::pending;
  }
  std::optional<uint64_t> length() const override { return tap_.length; }
  void cancel() override { ++tap_.cancels; }

 private:
  Tap& tap_;
};

// Answers by path:
//   /echo    sends the request's content back as it arrives
//   /count   reads all content, then says how many octets there were
//   /later   waits for the test: `waiting` is the exchange, `cancelled` counts those that ended
//   before /tap     sends `tap`, chunked unless the tap has a length /empty   204 /chunked "hello"
//   of unknown length, two octets a pull other    "hello METHOD PATH", length known
class FakeHandler final : public Handler {
 public:
  int started = 0;
  int cancelled = 0;
  Exchange* waiting = nullptr;
  Exchange* tapped = nullptr;  // whose content comes from `tap`
  Tap tap;

  void start(Exchange& exchange) override {
    ++started;
    const std::string_view path = exchange.request().path;
    if (path == "/echo") return exchange.respond(exchange.emplace_source<Echo>(exchange));
    if (path == "/count") return count(exchange);
    if (path == "/later") {
      waiting = &exchange;
      return;
    }
    if (path == "/tap") tapped = &exchange;
    if (path == "/tap") return exchange.respond(exchange.emplace_source<TapSource>(tap));
    if (path == "/empty") {
      exchange.response().status = 204;
      return exchange.respond();
    }
    if (path == "/chunked") {
      return exchange.respond(exchange.emplace_source<TextSource>("hello", false, 2U));
    }
    exchange.respond(exchange.emplace_source<TextSource>(
        "hello " + std::string(exchange.request().method_text) + " " + std::string(path)));
  }
  void on_request_body(Exchange& exchange) override {
    if (exchange.request().path == "/count" && !exchange.responded()) count(exchange);
  }
  void cancel(Exchange&) override {
    ++cancelled;
    waiting = nullptr;
  }

 private:
  class Echo final : public BodySource {
   public:
    explicit Echo(Exchange& exchange) : body_(exchange.request_body()) { body_.claim(); }
    Pull pull(Chain& out, size_t max) override { return body_.pull(out, max); }
    std::optional<uint64_t> length() const override { return body_.length(); }
    const FieldList* trailers() const override { return body_.trailers(); }
    void cancel() override { body_.cancel(); }

   private:
    RequestBody& body_;
  };

  void count(Exchange& exchange) {
    Chain content;
    Pull result = Pull::ready;
    while (result == Pull::ready) result = exchange.request_body().pull(content, 4096);
    counted_ += content.size();
    if (result != Pull::end) return;
    exchange.respond(
        exchange.emplace_source<TextSource>(std::to_string(std::exchange(counted_, 0))));
  }

  uint64_t counted_ = 0;
};

// Notes the order in which filters see heads, and adds a field.
class NotingFilter final : public Filter {
 public:
  NotingFilter(std::string name, std::vector<std::string>& notes)
      : name_(std::move(name)), notes_(notes) {}
  void on_request(Exchange&) override { notes_.push_back(name_ + " request"); }
  BodySourcePointer on_response(Exchange&, ResponseHead& head, BodySourcePointer source) override {
    notes_.push_back(name_ + " response");
    head.fields.add("X-Filter", name_);
    return source;
  }

 private:
  std::string name_;
  std::vector<std::string>& notes_;
};

// Wraps whatever source there is and makes its letters capitals: a filter that changes content.
class CapitalFilter final : public Filter {
 public:
  BodySourcePointer on_response(Exchange&, ResponseHead&, BodySourcePointer source) override {
    if (!source) return source;
    return BodySourcePointer(new Capitals(std::move(source)));
  }

 private:
  class Capitals final : public BodySource {
   public:
    explicit Capitals(BodySourcePointer inner) : inner_(std::move(inner)) {}
    Pull pull(Chain& out, size_t max) override {
      Chain plain;
      const Pull result = inner_->pull(plain, max);
      std::string text = plain.to_string();
      std::transform(text.begin(), text.end(), text.begin(),
                     [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      if (!text.empty()) out.append(copy_of(text));
      return result;
    }
    std::optional<uint64_t> length() const override { return inner_->length(); }
    void cancel() override { inner_->cancel(); }

   private:
    BodySourcePointer inner_;
  };
};

// Answers by itself when asked for /secret.
class GuardFilter final : public Filter {
 public:
  void on_request(Exchange& exchange) override {
    if (exchange.request().path == "/secret") respond_with_status(exchange, 403, "guarded");
  }
};

// Keeps what was recorded.
class KeepingLog final : public ExchangeLog {
 public:
  struct Entry {
    int status;
    uint64_t octets;
    bool complete;
    std::string method, target, cause, phase, limit, rule;
  };
  std::vector<Entry> entries;
  std::vector<HandshakeEnd> handshakes;
  bool all = true;
  bool wants_all() const noexcept override { return all; }
  void handshake(const HandshakeRecord& r) override { handshakes.push_back(r.end); }
  void record(const ExchangeRecord& r) override {
    entries.push_back({r.status, r.octets, r.complete, std::string(r.method), std::string(r.target),
                       std::string(r.cause), std::string(r.phase), std::string(r.limit),
                       std::string(r.rule)});
  }
};

}  // namespace sluice::http
