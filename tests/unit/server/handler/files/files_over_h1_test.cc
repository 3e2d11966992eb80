// Validators through the real handler and a real HTTP/1 connection: the octets that a client sees.
#include "server/http/h1_server_connection.h"
#include "tests/unit/server/handler/files/files_fixture.h"
#include "tests/unit/server/http/fakes.h"
#include "tests/unit/server/http/scripted_transport.h"

namespace sluice::handler {
namespace {

class FilesOverH1 : public FilesTest {
 protected:
  void SetUp() override {
    write("small", small);
    write("large", large);
    serve();
    loop.bind_to_this_thread();
    loop.run_once(0ms);
    handler = std::make_unique<FilesHandler>(loop, helpers, *site, FilesHandler::Options{});
    router =
        std::make_unique<http::SingleRoute>(http::Route{.handler = handler.get(), .filters = {}});
    context =
        std::make_unique<http::ServerContext>(std::make_shared<http::WorkerResources>(loop, limits),
                                              Ref<http::Router>(router.get()), &log);
    auto* connection = new http::H1ServerConnection(
        *context, Ref<http::ListenerSettings>(new http::ListenerSettings(0, {.values = limits})),
        net::ConnectionSlot(load), peer);
    connection->open(std::make_unique<http::ScriptedTransport>(wire));
    connection_ = connection;
  }
  void TearDown() override {
    context->abort_all("test over");
    for (int i = 0; i < 6; ++i) loop.run_once(0ms);
  }

  // Sends a request and gives what came back within a second, its Date taken out.
  std::string ask(std::string_view path, std::string_view fields) {
    wire.output.clear();
    wire.input.push_back(
        {http::Wire::Step::Kind::octets,
         "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n"});
    connection_->wake();
    for (int i = 0; i < 200 && wire.output.find("\r\n\r\n") == std::string::npos; ++i)
      loop.run_once(5ms);
    for (int i = 0; i < 20; ++i) loop.run_once(2ms);
    std::string text = wire.output;
    for (const std::string_view name : {"Date: ", "Server: ", "Keep-Alive: ", "Last-Modified: "}) {
      const size_t at = text.find(name);
      if (at != std::string::npos) text.erase(at, text.find("\r\n", at) + 2 - at);
    }
    return text;
  }

  const std::string small = "0123456789";
  const std::string large = text_of_size(100'000);
  const conf::Limits limits{};
  net::Loop loop;
  net::Helpers helpers{1, 64};
  std::unique_ptr<FilesHandler> handler;
  std::unique_ptr<http::SingleRoute> router;
  http::KeepingLog log;
  net::WorkerLoad load;
  net::Peer peer;
  std::unique_ptr<http::ServerContext> context;
  http::Wire wire;
  http::H1ServerConnection* connection_ = nullptr;
};

TEST_F(FilesOverH1, AKnownTagIs304) {
  const std::string tag(tag_of(small).view());
  const std::string expected = "HTTP/1.1 304 Not Modified\r\nETag: " + tag + "\r\n\r\n";
  EXPECT_EQ(ask("/small", "If-None-Match: " + tag + "\r\n"), expected);
  EXPECT_EQ(ask("/small", "If-None-Match: \"x\", W/" + tag + "\r\n"), expected);
}

TEST_F(FilesOverH1, ATagThatMustBeFoundFirstIs304) {
  const std::string tag(tag_of(large).view());
  EXPECT_EQ(ask("/large", "If-None-Match: " + tag + "\r\n"),
            "HTTP/1.1 304 Not Modified\r\nETag: " + tag + "\r\n\r\n");
}

TEST_F(FilesOverH1, PartsOfBoth) {
  EXPECT_EQ(ask("/small", "Range: bytes=2-4\r\n"),
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-4/10\r\nContent-Type: "
            "application/octet-stream\r\nETag: " +
                std::string(tag_of(small).view()) +
                "\r\nAccept-Ranges: bytes\r\nContent-Length: 3\r\n\r\n234");
  const std::string part = ask("/large", "Range: bytes=-70000\r\n");
  EXPECT_NE(part.find("Content-Length: 70000\r\n"), std::string::npos);
  EXPECT_TRUE(part.ends_with("\r\n\r\n" + large.substr(30'000)));
}

TEST_F(FilesOverH1, OnePullAfterTheOther) {
  EXPECT_TRUE(ask("/small", "Range: bytes=0-\r\n").ends_with("\r\n\r\n" + small));
  EXPECT_TRUE(ask("/small", "").ends_with("\r\n\r\n" + small));
  EXPECT_TRUE(ask("/small", "Range: bytes=50-\r\n").starts_with("HTTP/1.1 416 "));
  EXPECT_TRUE(ask("/small", "If-Match: \"x\"\r\n").starts_with("HTTP/1.1 412 "));
  EXPECT_TRUE(ask("/small", "").ends_with("\r\n\r\n" + small)) << "and is kept";
}

}  // namespace
}  // namespace sluice::handler
