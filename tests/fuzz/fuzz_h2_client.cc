// A server that says anything to a client that asks, uploads, resets and releases at any moment. No
// sink and no source is touched out of order, and what is said can be read.
#include "tests/fuzz/h2_feeding.h"

namespace sluice::h2::fuzz {
namespace {

using Stream = Checked<ClientSink>;

class Client final : public FuzzedEnd<Stream> {
 public:
  explicit Client(const Limits& limits) : FuzzedEnd(Role::client, limits) {}
  ServerSink* on_stream(StreamId) override {
    require(false, "a client was asked");
    return nullptr;
  }
};

class Fuzz {
 public:
  explicit Fuzz(std::string_view input)
      : commands_(input), limits_(small_limits()), client_(limits_), reader_(kPreface) {
    hear(frame(kSettings, 0, 0));
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
        return hear(any_frame());
      case 2:
        return hear(std::string(commands_.take(commands_.next())));
      case 3:
        return hear(decent_head(command / 8));
      case 4:
        return hear(
            frame(kData, command & kEndStream, some_stream(), commands_.take(commands_.next())));
      case 5:
        return ask(commands_.next());
      case 6:
        return act(command / 8);
      default:
        client_.milliseconds += command;
        return produce(command > 128 ? UINT64_MAX : command * 16U);
    }
  }
  void hear(const std::string& octets) {
    if (!ended_) ended_ = !client_.feed(octets, commands_.next());
  }
  std::string any_frame() {
    const uint8_t type = commands_.next() % 18;
    const uint8_t flags = commands_.next();
    const StreamId id = commands_.next();
    return frame(type, flags, id, commands_.take(commands_.next()));
  }
  std::string decent_head(int shape) {
    std::string block = block_of({{":status", (shape & 1) != 0 ? "200" : "103"}});
    if ((shape & 4) != 0) block += commands_.take(commands_.next() % 64);
    return frame(kHeaders, kEndHeaders | ((shape & 2) != 0 ? kEndStream : 0), some_stream(), block);
  }
  StreamId some_stream() { return commands_.next() % 16 | 1; }
  void ask(uint8_t seed) {
    RequestHead head;
    head.method = seed % 2 == 0 ? Method::get : Method::post;
    head.method_text = seed % 2 == 0 ? "GET" : "POST";
    head.target = "/x";
    head.authority = "a";
    auto stream = std::make_unique<Stream>();
    if (seed % 2 != 0) stream->source = std::make_unique<Trickle>(seed);
    const StreamId id = client_.codec.submit_request(head, {}, stream->source.get(), *stream);
    require(id == 0 || !client_.streams.contains(id), "a stream was opened twice");
    if (id != 0) client_.streams[id] = std::move(stream);
  }
  void act(int what) {
    const StreamId id = some_stream();
    switch (what % 6) {
      case 0:
        return client_.codec.reset(id, ErrorCode::cancel);
      case 1:
        client_.release(id);
        return client_.codec.reset(id, ErrorCode::cancel);
      case 2:
        return client_.codec.resume(id);
      case 3:
        return client_.consume();
      case 4:
        return client_.codec.ping();
      default:
        return hear(frame(kSettings, kAcknowledges, 0));
    }
  }
  void produce(uint64_t until) {
    reader_.read(client_.say(until));
    ended_ |= client_.codec.error().status != 0;
  }

  Commands commands_;
  const Limits limits_;
  Client client_;
  Reader reader_;
  bool ended_ = false;
};

}  // namespace
}  // namespace sluice::h2::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sluice::h2::fuzz::Fuzz({reinterpret_cast<const char*>(data), size}).run();
  return 0;
}
