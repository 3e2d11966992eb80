// A client that says anything: frames by hand, decent requests, octets; and a server that answers,
// resets, releases and pushes at any moment. No sink and no source is touched out of order, and
// what is said can be read.
#include "tests/fuzz/h2_feeding.h"

namespace sluice::h2::fuzz {
namespace {

using Stream = Checked<ServerSink>;

class Server final : public FuzzedEnd<Stream> {
 public:
  explicit Server(const Limits& limits) : FuzzedEnd(Role::server, limits) {}
  ServerSink* on_stream(StreamId id) override {
    require(!ended, "a stream began behind the connection's end");
    if (id % 16 == 15) return nullptr;
    require(!streams.contains(id), "a stream began twice");
    return (streams[id] = std::make_unique<Stream>()).get();
  }
  bool ended = false;
};

class Fuzz {
 public:
  explicit Fuzz(std::string_view input)
      : commands_(input), limits_(small_limits()), server_(limits_), reader_({}) {
    hear(std::string(kPreface) + frame(kSettings, 0, 0));
  }
  void run() {
    while (!commands_.empty()) step();
    produce(UINT64_MAX);
  }

 private:
  void step() {
    const uint8_t command = commands_.next();
    switch (command % 8) {
      case 0:
      case 1:
      case 2:
        return hear(any_frame());
      case 3:
        return hear(std::string(commands_.take(commands_.next())));
      case 4:
        return hear(decent_request(command / 8));
      case 5:
        return respond();
      case 6:
        return act(command / 8);
      default:
        server_.milliseconds += command;
        return produce(command > 128 ? UINT64_MAX : command * 16U);
    }
  }
  void hear(const std::string& octets) {
    if (server_.ended) return;
    server_.ended = !server_.feed(octets, commands_.next());
  }
  std::string any_frame() {
    const uint8_t type = commands_.next() % 18;
    const uint8_t flags = commands_.next();
    const StreamId id = commands_.next();
    return frame(type, flags, id, commands_.take(commands_.next()));
  }
  std::string decent_request(int shape) {
    next_ += 2;
    std::string block = block_of({{":method", (shape & 1) != 0 ? "POST" : "GET"},
                                  {":scheme", "http"},
                                  {":path", "/x"},
                                  {":authority", "a"}});
    if ((shape & 4) != 0) block += commands_.take(commands_.next() % 64);
    return frame(kHeaders, kEndHeaders | ((shape & 2) != 0 ? kEndStream : 0), next_, block);
  }
  // Of those that came, or any.
  StreamId some_stream() { return commands_.next() % 32; }
  void respond() {
    const StreamId id = some_stream();
    const uint8_t seed = commands_.next();
    const auto found = server_.streams.find(id);
    if (found == server_.streams.end()) return;
    Stream& stream = *found->second;
    if (stream.closed || stream.released || std::exchange(stream.answered, true)) return;
    stream.source = std::make_unique<Trickle>(seed);
    ResponseHead head;
    head.status = seed % 11 == 0 ? 204 : 200;
    head.fields.add("x", "y");
    server_.codec.submit_response(id, head, {.request_method = Method::get}, stream.source.get());
  }
  void act(int what) {
    const StreamId id = some_stream();
    switch (what % 10) {
      case 0:
        return server_.codec.reset(id, ErrorCode::cancel);
      case 1:
        server_.release(id);
        return server_.codec.reset(id, ErrorCode::internal_error);
      case 2:
        return server_.codec.resume(id);
      case 3:
        return server_.consume();
      case 4:
        return push(id);
      case 5:
        return server_.codec.submit_shutdown_notice();
      case 6:
        return server_.codec.ping();
      case 7:
        if (id == 7) server_.codec.submit_goaway(ErrorCode::no_error);
        return;
      case 8:
        return hear(frame(kSettings, kAcknowledges, 0));
      default:
        ResponseHead head;
        head.status = 103;
        server_.codec.submit_interim(id, head);
    }
  }
  void push(StreamId id) {
    const auto found = server_.streams.find(id);
    if (found == server_.streams.end() || found->second->closed || id % 2 == 0) return;
    RequestHead head;
    head.method = Method::get;
    head.method_text = "GET";
    head.target = "/pushed";
    head.authority = "a";
    auto stream = std::make_unique<Stream>();
    if (const StreamId promised = server_.codec.submit_push(id, head, *stream); promised != 0)
      server_.streams[promised] = std::move(stream);
  }
  void produce(uint64_t until) {
    reader_.read(server_.say(until));
    server_.ended |= server_.codec.error().status != 0;
  }

  Commands commands_;
  const Limits limits_;
  Server server_;
  Reader reader_;
  StreamId next_ = -1;
};

}  // namespace
}  // namespace sluice::h2::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sluice::h2::fuzz::Fuzz({reinterpret_cast<const char*>(data), size}).run();
  return 0;
}
