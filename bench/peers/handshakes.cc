// The load that wrk cannot make: a new TLS connection for every request, or thousands of idle ones.
//
// wrk keeps its connections, so it says nothing of handshakes. This client opens a connection,
// shakes hands, sends one GET with `Connection: close`, reads the answer to the end of the stream
// and begins anew, so many connections at a time, on one thread and epoll.
//
//   handshakes PORT PATH LENGTH --tls1.2|--tls1.3 [--resume] [--connections N] [--seconds N]
//   handshakes PORT PATH LENGTH --tls1.2|--tls1.3 --idle N [--connections N]
//
// LENGTH is how many octets the body of each answer must have. The first prints one line of JSON;
// the second says `ready` when N connections have had one request answered and are idle, waits for
// its standard input to end, and prints how many of them the server has closed. Invariants:
//  1. Every answer is looked at: a 200 that holds LENGTH octets, over the version and the ALPN
//     protocol that were asked for. Anything else is an error and counted as nothing else.
//  2. Every server is offered the same: one suite, X25519, one signature scheme, http/1.1.
//  3. With --resume each connection offers the newest ticket that any has got, the first of all
//     being a full handshake that is not counted. `resumed` counts what the server agreed to.
//  4. When time is up no connection is begun, and those under way are brought to their end: the
//     server does no work that is not counted.
//  5. An idle connection ends with RST: thousands of them leave no TIME_WAIT behind.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "bench/peers/tls_parameters.h"
#include "tls/openssl.h"

namespace sluice::bench {
namespace {

using tls::ContextPointer;
using tls::SslPointer;
using tls::SslSessionPointer;

constexpr int kEventsPerWait = 64;
constexpr int kTurnMilliseconds = 100;
constexpr int64_t kDrainMicroseconds = 10'000'000;  // for what is under way when time is up
constexpr size_t kReadSize = 16 * 1024;
constexpr uint64_t kErrorsAtMost = 1000;  // then there is nothing to measure

struct Options {
  unsigned port = 0;
  std::string path;
  unsigned length = 0;
  int version = 0;
  bool resume = false;
  unsigned connections = 16;
  unsigned seconds = 1;
  unsigned idle = 0;
};

struct Counts {
  uint64_t requests = 0;
  uint64_t resumed = 0;
  uint64_t errors = 0;
  std::string first_error;
};

enum class Step { connecting, handshaking, sending, receiving, idle };
enum class Flow { wait, finished, failed };

struct Connection {
  int fd = -1;
  SslPointer ssl;
  Step step = Step::connecting;
  std::string answer;
  const char* error = "";
};

[[noreturn]] void fail(const char* what, const char* why) {
  std::fprintf(stderr, "handshakes: error: %s: %s\n", what, why);
  std::exit(1);
}

int64_t now_microseconds() {
  timespec now{};
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) fail("clock_gettime", std::strerror(errno));
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

// The newest ticket; one for the whole program.
SslSessionPointer& newest_session() {
  static SslSessionPointer session;
  return session;
}

int keep_session(SSL*, SSL_SESSION* session) {
  newest_session().reset(session);
  return 1;  // it is ours now
}

ContextPointer make_context(int version) {
  ContextPointer context(SSL_CTX_new(TLS_client_method()));
  constexpr std::array<unsigned char, 9> kProtocols = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  if (!context || SSL_CTX_set_min_proto_version(context.get(), version) != 1 ||
      SSL_CTX_set_max_proto_version(context.get(), version) != 1 ||
      SSL_CTX_set_ciphersuites(context.get(), kSuites13) != 1 ||
      SSL_CTX_set_cipher_list(context.get(), kSuites12) != 1 ||
      SSL_CTX_set1_groups_list(context.get(), kGroups) != 1 ||
      SSL_CTX_set1_sigalgs_list(context.get(), kSignature) != 1 ||
      SSL_CTX_set_alpn_protos(context.get(), kProtocols.data(), kProtocols.size()) != 0) {
    fail("OpenSSL", "no context with these parameters");
  }
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  // Some servers close without close_notify. As an error it would also spoil the session; whether
  // an answer was cut its length says.
  SSL_CTX_set_options(context.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), keep_session);
  return context;
}

bool has_http11(const SSL* ssl) {
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl, &name, &length);
  return name && std::string_view(reinterpret_cast<const char*>(name), length) == "http/1.1";
}

// Whether `answer` holds a head and `length` octets or more after it.
bool is_complete(std::string_view answer, size_t length) {
  const size_t head = answer.find("\r\n\r\n");
  return head != std::string_view::npos && answer.size() >= head + 4 + length;
}

// What is wrong with a whole answer; empty when nothing is.
const char* complaint(std::string_view answer, size_t length) {
  if (!answer.starts_with("HTTP/1.1 200 ")) return answer.empty() ? "no answer" : "not a 200";
  if (!is_complete(answer, length)) return "the answer is cut";
  if (answer.size() != answer.find("\r\n\r\n") + 4 + length) return "the body is too long";
  return "";
}

class Client {
 public:
  explicit Client(Options options)
      : options_(std::move(options)),
        context_(make_context(options_.version)),
        poll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (poll_ < 0) fail("epoll_create1", std::strerror(errno));
    const char* keep = options_.idle > 0 ? "" : "Connection: close\r\n";
    request_ = "GET /" + options_.path +
               " HTTP/1.1\r\nHost: localhost:" + std::to_string(options_.port) + "\r\n" + keep +
               "\r\n";
  }

  // New connections until time is up; then one line of JSON.
  int load() {
    if (options_.resume) get_first_ticket();
    const int64_t begin = now_microseconds();
    const int64_t end = begin + int64_t{options_.seconds} * 1'000'000;
    int64_t now = begin;
    while (open_ > 0 || now < end) {
      while (now < end && open_ < options_.connections && may_go_on()) start();
      turn(kTurnMilliseconds);
      now = now_microseconds();
      if (!may_go_on() && open_ == 0) break;
      if (now > end + kDrainMicroseconds) note("still no end of the stream after the load");
      if (now > end + kDrainMicroseconds) break;
    }
    print(now - begin);
    return 0;
  }

  // Opens the idle connections, holds them until standard input ends, and says how they fared.
  int hold() {
    while (counts_.requests < options_.idle) {
      while (open_ < options_.connections && counts_.requests + open_ < options_.idle) start();
      turn(kTurnMilliseconds);
      if (counts_.errors > 0) fail("an idle connection", counts_.first_error.c_str());
    }
    std::puts("ready");
    std::fflush(stdout);
    char octet = 0;
    while (read(STDIN_FILENO, &octet, 1) > 0) {
    }
    while (turn(0)) {
    }
    std::printf("{\"held\":%u,\"closed\":%llu}\n", options_.idle,
                static_cast<unsigned long long>(counts_.errors));
    return 0;
  }

 private:
  [[nodiscard]] bool may_go_on() const { return counts_.errors < kErrorsAtMost; }

  void get_first_ticket() {
    start();
    while (open_ > 0) turn(kTurnMilliseconds);
    if (counts_.errors > 0) fail("the first connection", counts_.first_error.c_str());
    if (!newest_session()) fail("the first connection", "the server gave no ticket");
    counts_ = {};
  }

  void start() {
    Connection& connection = take_free();
    connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection.fd < 0) fail("socket", std::strerror(errno));
    const int on = 1;
    setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (options_.idle > 0) end_with_reset(connection.fd);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(options_.port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(connection.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 &&
        errno != EINPROGRESS) {
      fail("connect", std::strerror(errno));
    }
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &connection;
    if (epoll_ctl(poll_, EPOLL_CTL_ADD, connection.fd, &event) != 0) {
      fail("epoll_ctl", std::strerror(errno));
    }
    prepare_tls(connection);
    ++open_;
  }

  static void end_with_reset(int fd) {
    const linger at_once = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }

  void prepare_tls(Connection& connection) {
    connection.ssl.reset(SSL_new(context_.get()));
    if (!connection.ssl || SSL_set_fd(connection.ssl.get(), connection.fd) != 1) {
      fail("OpenSSL", "no memory for a connection");
    }
    SSL_set_tlsext_host_name(connection.ssl.get(), "localhost");
    SSL_set_connect_state(connection.ssl.get());
    if (options_.resume && newest_session()) offer_newest(connection.ssl.get());
  }

  // Offers a copy: OpenSSL marks a session of TLS 1.3 as used up, and not every server gives a new
  // ticket when it resumes.
  static void offer_newest(SSL* ssl) {
    const SslSessionPointer copy(SSL_SESSION_dup(newest_session().get()));
    if (!copy || SSL_set_session(ssl, copy.get()) != 1) fail("OpenSSL", "no copy of a session");
  }

  // A connection that is not in use; its address holds until the program ends.
  Connection& take_free() {
    if (free_.empty()) return connections_.emplace_back();
    Connection& connection = *free_.back();
    free_.pop_back();
    return connection;
  }

  // One epoll_wait and what it brought. False when it brought nothing.
  bool turn(int milliseconds) {
    std::array<epoll_event, kEventsPerWait> events;
    const int count = epoll_wait(poll_, events.data(), kEventsPerWait, milliseconds);
    if (count < 0 && errno != EINTR) fail("epoll_wait", std::strerror(errno));
    for (int i = 0; i < count; ++i) {
      auto& connection = *static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr);
      const Flow flow = advance(connection);
      if (flow != Flow::wait) end(connection, flow);
    }
    return count > 0;
  }

  Flow advance(Connection& connection) {
    ERR_clear_error();
    SSL* ssl = connection.ssl.get();
    if (connection.step == Step::connecting) {
      const Flow flow = finish_connecting(connection);
      if (flow != Flow::finished) return flow;
    }
    if (connection.step == Step::handshaking) {
      const int result = SSL_do_handshake(ssl);
      if (result != 1) return wait_or_fail(connection, result, "the handshake failed");
      if (!has_http11(ssl)) return failed(connection, "ALPN did not choose http/1.1");
      connection.step = Step::sending;
    }
    if (connection.step == Step::sending) {
      const int result = SSL_write(ssl, request_.data(), static_cast<int>(request_.size()));
      if (result <= 0) return wait_or_fail(connection, result, "the request could not be sent");
      connection.step = Step::receiving;
    }
    return receive(connection);
  }

  static Flow finish_connecting(Connection& connection) {
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(connection.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return failed(connection, "no connection");
    sockaddr_in peer{};
    size = sizeof(peer);
    if (getpeername(connection.fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) {
      return Flow::wait;
    }
    connection.step = Step::handshaking;
    return Flow::finished;
  }

  Flow receive(Connection& connection) {
    for (;;) {
      const int got = SSL_read(connection.ssl.get(), buffer_.data(), kReadSize);
      if (got <= 0) return end_of_octets(connection, got);
      connection.answer.append(buffer_.data(), static_cast<size_t>(got));
      if (connection.step == Step::idle) return failed(connection, "octets that nobody asked for");
      if (options_.idle > 0 && is_complete(connection.answer, options_.length)) settle(connection);
    }
  }

  // No octets for now, the end of the stream, or an error.
  Flow end_of_octets(Connection& connection, int result) {
    const int error = SSL_get_error(connection.ssl.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Flow::wait;
    if (connection.step == Step::idle) return failed(connection, "an idle connection was closed");
    // An end without close_notify is the server's own manner: the length says whether it was cut.
    const char* wrong = complaint(connection.answer, options_.length);
    return *wrong ? failed(connection, wrong) : Flow::finished;
  }

  // The answer is there, and the connection stays.
  void settle(Connection& connection) {
    const char* wrong = complaint(connection.answer, options_.length);
    if (*wrong) note(wrong);
    connection.step = Step::idle;
    std::string().swap(connection.answer);
    ++counts_.requests;
    --open_;
  }

  static Flow wait_or_fail(Connection& connection, int result, const char* what) {
    const int error = SSL_get_error(connection.ssl.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Flow::wait;
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    return failed(connection, reason ? reason : what);
  }

  static Flow failed(Connection& connection, const char* error) {
    connection.error = error;
    return Flow::failed;
  }

  void note(const char* error) {
    if (counts_.errors++ == 0) counts_.first_error = error;
  }

  void end(Connection& connection, Flow flow) {
    if (flow == Flow::failed) note(connection.error);
    if (flow == Flow::finished) {
      ++counts_.requests;
      counts_.resumed += SSL_session_reused(connection.ssl.get()) == 1 ? 1 : 0;
    }
    // Without this the session would pass for one of a broken connection. No close_notify is sent:
    // the server has closed.
    SSL_set_shutdown(connection.ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    connection.ssl.reset();
    close(connection.fd);
    if (connection.step != Step::idle) --open_;
    connection.step = Step::connecting;
    connection.answer.clear();
    free_.push_back(&connection);
  }

  void print(int64_t microseconds) const {
    std::printf(
        "{\"requests\":%llu,\"resumed\":%llu,\"errors\":%llu,\"first_error\":\"%s\","
        "\"microseconds\":%lld}\n",
        static_cast<unsigned long long>(counts_.requests),
        static_cast<unsigned long long>(counts_.resumed),
        static_cast<unsigned long long>(counts_.errors), counts_.first_error.c_str(),
        static_cast<long long>(microseconds));
  }

  Options options_;
  ContextPointer context_;
  int poll_;
  std::string request_;
  Counts counts_;
  unsigned open_ = 0;                   // connections that are neither free nor idle
  std::deque<Connection> connections_;  // all; addresses hold
  std::deque<Connection*> free_;
  std::array<char, kReadSize> buffer_{};
};

bool to_number(std::string_view word, unsigned& number) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size() && number > 0;
}

// One word of the command line, which the one after it may belong to.
bool take(std::string_view word, Options& options, unsigned*& pending) {
  if (unsigned* number = std::exchange(pending, nullptr)) return to_number(word, *number);
  if (word == "--tls1.2") options.version = TLS1_2_VERSION;
  if (word == "--tls1.3") options.version = TLS1_3_VERSION;
  if (word == "--resume") options.resume = true;
  if (word == "--connections") pending = &options.connections;
  if (word == "--seconds") pending = &options.seconds;
  if (word == "--idle") pending = &options.idle;
  return pending || word == "--resume" || word == "--tls1.2" || word == "--tls1.3";
}

bool parse(int argc, char** argv, Options& options) {
  if (argc < 5 || !to_number(argv[1], options.port) || !to_number(argv[3], options.length)) {
    return false;
  }
  options.path = argv[2];
  unsigned* pending = nullptr;
  for (int i = 4; i < argc; ++i) {
    if (!take(argv[i], options, pending)) return false;
  }
  return options.version != 0 && options.port <= 65535 && !pending;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail("getrlimit", std::strerror(errno));
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("setrlimit", std::strerror(errno));
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  sluice::bench::Options options;
  if (!sluice::bench::parse(argc, argv, options)) {
    std::fputs(
        "usage: handshakes PORT PATH LENGTH --tls1.2|--tls1.3 [--resume] [--idle N]\n"
        "                  [--connections N] [--seconds N]\n",
        stderr);
    return 2;
  }
  sluice::bench::raise_descriptor_limit();
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  const bool idle = options.idle > 0;
  sluice::bench::Client client(std::move(options));
  return idle ? client.hold() : client.load();
}
