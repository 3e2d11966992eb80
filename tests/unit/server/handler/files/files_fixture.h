// A real folder, a site over it, and one worker's handler on a loop that the test turns: what a
// request would get, without a socket.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <latch>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/handler/files/file_resources.h"
#include "server/handler/files/file_site.h"
#include "server/handler/files/files_handler.h"
#include "server/http/exchange.h"
#include "server/http/router.h"
#include "server/net/helpers.h"
#include "server/net/loop.h"

namespace sluice::handler {

using namespace std::chrono_literals;

// A folder of its own below the system's temporary one; removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-files-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline void write_file(const std::string& path, std::string_view text) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
}

// Takes the place of the file at `path` in one step, as editors and deployments do.
inline void replace_file(const std::string& path, std::string_view text) {
  write_file(path + ".new", text);
  std::filesystem::rename(path + ".new", path);
}

inline std::string text_of_size(size_t size, unsigned seed = 1) {
  std::string text(size, '\0');
  unsigned state = seed;
  for (char& octet : text) {
    state = state * 1664525 + 1013904223;
    octet = static_cast<char>(state >> 24);
  }
  return text;
}

// All of a chain's octets; file ranges are read. A range that its file does not hold whole ends the
// text early.
inline std::string octets_of(Chain& chain) {
  std::string text;
  while (!chain.empty()) {
    if (const FileRange* range = chain.front_file()) {
      std::string piece(static_cast<size_t>(range->size), '\0');
      const ssize_t count =
          ::pread(range->descriptor, piece.data(), piece.size(), static_cast<off_t>(range->offset));
      text.append(piece, 0, count > 0 ? static_cast<size_t>(count) : 0);
      chain.drain(range->size);
    } else {
      const std::string_view piece = chain.front_memory();
      text.append(piece);
      chain.drain(piece.size());
    }
  }
  return text;
}

// A stream that only notes what it is told.
class NotingStream final : public http::Stream {
 public:
  void submit_interim(const ResponseHead&) override {}
  void submit_final() override { final = true; }
  void wake() override { ++wakes; }
  void reset(http::ResetCode) override { reset_called = true; }
  bool final = false;
  bool reset_called = false;
  int wakes = 0;
};

struct Answer {
  int status = 0;
  std::string fields;  // "Name: value\n" lines
  std::string body;
  std::string cause;
  uint64_t length = 0;  // as the source announced it
  bool cut = false;     // the source failed
  bool held = false;    // came from memory
};

// The value of a field in such lines; empty when it is not there.
inline std::string value_in(const std::string& fields, std::string_view name) {
  const std::string start = std::string(name) + ": ";
  for (size_t at = 0; at < fields.size(); at = fields.find('\n', at) + 1) {
    if (fields.compare(at, start.size(), start) != 0) continue;
    return fields.substr(at + start.size(), fields.find('\n', at) - at - start.size());
  }
  return {};
}

struct Asked {
  Method method = Method::get;
  std::string query = {};
  std::string accept = {};
  size_t piece = 1 << 20;  // octets a pull
  std::vector<std::pair<std::string, std::string>> fields = {};
};

// Keeps one helper busy until it is pulled. Outlives the helpers.
class Plug {
 public:
  ~Plug() { pull(); }
  // Returns when a helper has begun with it, so that it is in the queue no more.
  void insert(net::Helpers& helpers, net::Loop& loop) {
    ASSERT_TRUE(helpers.submit(std::make_unique<Work>(*this), loop));
    begun_.wait();
  }
  void pull() {
    if (!std::exchange(is_pulled_, true)) pulled_.count_down();
  }

 private:
  class Work final : public net::Job {
   public:
    explicit Work(Plug& plug) : plug_(plug) {}
    void perform() override {
      plug_.begun_.count_down();
      plug_.pulled_.wait();
    }
    void deliver() override {}

   private:
    Plug& plug_;
  };

  std::latch begun_{1};
  std::latch pulled_{1};
  bool is_pulled_ = false;
};

// One worker: a loop, helpers and a handler. Thread: the one that made it.
class FileWorker {
 public:
  explicit FileWorker(FileSite& site, size_t helper_threads = 1, size_t queue = 64,
                      const FilesHandler::Options& options = {})
      : helpers_(helper_threads, queue),
        handler_(loop_, helpers_, site, options),
        router_({.handler = &handler_, .filters = {}}) {
    loop_.bind_to_this_thread();
    turn(0ms);
  }

  // One request whose response is being sent.
  struct Pending {
    Asked asked;  // the request's fields lie in it
    NotingStream stream;
    http::Exchange exchange;
    ~Pending() { exchange.end(); }
  };

  void turn(std::chrono::milliseconds wait) { loop_.run_once(wait); }

  std::unique_ptr<Pending> begin(std::string_view path, const Asked& asked = {}) {
    auto pending = std::make_unique<Pending>();
    pending->asked = asked;
    RequestHead head;
    head.method = asked.method;
    head.path = path;
    head.query = asked.query;
    head.has_query = !asked.query.empty();
    const Asked& kept = pending->asked;
    if (!kept.accept.empty()) head.fields.add("Accept", kept.accept, FieldId::accept);
    for (const auto& [name, value] : kept.fields) head.fields.add(name, value);
    pending->exchange.begin(pending->stream, head, *listener_, loop_.now());
    pending->exchange.start(router_);
    return pending;
  }

  // Turns the loop until the handler has answered.
  bool await_head(Pending& pending) {
    for (int turns = 0; turns < 1000 && !pending.stream.final; ++turns) turn(10ms);
    return pending.stream.final;
  }

  // One pull, once there is an answer, repeated while it is pending.
  Pull pull(Pending& pending, Chain& out, size_t max) {
    if (!await_head(pending) || pending.exchange.source() == nullptr) return Pull::failed;
    for (int turns = 0; turns < 1000; ++turns) {
      const int wakes = pending.stream.wakes;
      const Pull result = pending.exchange.source()->pull(out, max);
      if (result != Pull::pending) return result;
      while (pending.stream.wakes == wakes && ++turns < 1000) turn(10ms);
    }
    return Pull::pending;
  }

  Answer get(std::string_view path, const Asked& asked = {}) {
    turn(0ms);
    const auto pending = begin(path, asked);
    Answer answer;
    if (!await_head(*pending)) return answer;
    read_head(*pending, answer);
    if (asked.method == Method::head || pending->exchange.source() == nullptr) return answer;
    Pull result = Pull::ready;
    while (result == Pull::ready) {
      Chain content;
      result = pull(*pending, content, asked.piece);
      answer.held = answer.held || !content.front_memory().empty();
      answer.body += octets_of(content);
    }
    answer.cut = result != Pull::end;
    return answer;
  }

  net::Loop& loop() { return loop_; }
  net::Helpers& helpers() { return helpers_; }

 private:
  static void read_head(Pending& pending, Answer& answer) {
    const ResponseHead& head = pending.exchange.response();
    answer.status = head.status;
    answer.cause = pending.exchange.explanation().cause;
    append_fields(head.fields, answer.fields);
    if (head.prepared != nullptr) append_fields(head.prepared->fields, answer.fields);
    if (BodySource* source = pending.exchange.source())
      answer.length = source->length().value_or(0);
  }
  static void append_fields(const FieldList& fields, std::string& out) {
    for (const Field& field : fields) {
      out.append(field.name).append(": ").append(field.value).append("\n");
    }
  }

  net::Loop loop_;
  net::Helpers helpers_;
  FilesHandler handler_;
  http::SingleRoute router_;
  const Ref<http::ListenerSettings> listener_{new http::ListenerSettings(0, {})};
};

// Limits that make a test quick: every use is checked, and what was written just now counts as
// settled.
inline conf::Limits quick_limits() {
  conf::Limits limits;
  limits.file_check = 0ms;
  limits.file_settle = 0ms;
  return limits;
}

class FilesTest : public ::testing::Test {
 protected:
  // Makes the site and one worker over the folder as it is now.
  void serve(const conf::Limits& limits = quick_limits(), bool follow_symlinks = false) {
    serve_path(folder.path().string(), limits, follow_symlinks);
  }
  void serve_path(const std::string& path, const conf::Limits& limits,
                  bool follow_symlinks = false) {
    serve_site(
        {.directory = path, .follow_symlinks = follow_symlinks, .limits = limits, .listing = true});
  }
  // With resources of its own.
  void serve_site(FileSite::Options options) {
    worker.reset();
    site.reset();
    resources = std::make_unique<FileResources>(options.limits);
    site = std::make_unique<FileSite>(std::move(options), *resources);
    ASSERT_EQ(site->open(), "");
    worker = std::make_unique<FileWorker>(*site);
  }
  void write(std::string_view name, std::string_view text) { write_file(folder / name, text); }
  Answer get(std::string_view path, const Asked& asked = {}) { return worker->get(path, asked); }

  TemporaryFolder folder;
  std::unique_ptr<FileResources> resources;
  std::unique_ptr<FileSite> site;
  std::unique_ptr<FileWorker> worker;
};

}  // namespace sluice::handler
