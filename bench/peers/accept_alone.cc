// What a TLS handshake costs a server before there is any server: OpenSSL's own part, alone.
//
// A server's handshake is only too dear, or cheap, beside the cryptography that nobody can leave
// out. This program lets a client and a server shake hands within one thread, over memory BIOs, and
// times the server's calls alone: SSL_new, SSL_accept until it is done, SSL_free. The suite, group
// and certificate are those that the servers of the benchmark are asked for.
//
//   accept_alone CHAIN KEY --tls1.2|--tls1.3 [--resume] [--seconds N]
//
// It prints one line of JSON: handshakes, resumed, and microseconds of the server's CPU time for
// all of them. Invariants:
//  1. The clock is the thread's CPU time, so that a busy machine does not show; the client's calls
//     fall between two readings and are not counted.
//  2. One ticket a handshake, no session cache: what the servers do. A resumed handshake uses the
//     newest ticket.
//  3. The first handshakes are not counted: they bring tables and code into the caches.

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string_view>
#include <system_error>
#include <utility>

#include "bench/peers/tls_parameters.h"
#include "tls/openssl.h"

namespace sluice::bench {
namespace {

using tls::BioPointer;
using tls::ContextPointer;
using tls::SslPointer;
using tls::SslSessionPointer;

constexpr int kWarmUp = 50;
constexpr int kTurns = 8;  // more flights than any handshake has

struct Options {
  const char* chain = nullptr;
  const char* key = nullptr;
  int version = 0;
  bool resume = false;
  unsigned seconds = 1;
};

[[noreturn]] void fail(const char* what) {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  std::fprintf(stderr, "accept_alone: error: %s: %s\n", what, reason ? reason : "no reason given");
  std::exit(1);
}

int64_t nanoseconds(clockid_t clock) {
  timespec now{};
  if (clock_gettime(clock, &now) != 0) fail("clock_gettime");
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

ContextPointer make_context(const SSL_METHOD* method, const Options& options) {
  ContextPointer context(SSL_CTX_new(method));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), options.version) != 1 ||
      SSL_CTX_set_max_proto_version(context.get(), options.version) != 1 ||
      SSL_CTX_set_ciphersuites(context.get(), kSuites13) != 1 ||
      SSL_CTX_set_cipher_list(context.get(), kSuites12) != 1 ||
      SSL_CTX_set1_groups_list(context.get(), kGroups) != 1) {
    fail("no context");
  }
  return context;
}

ContextPointer make_server_context(const Options& options) {
  ContextPointer context = make_context(TLS_server_method(), options);
  if (SSL_CTX_use_certificate_chain_file(context.get(), options.chain) != 1) fail(options.chain);
  if (SSL_CTX_use_PrivateKey_file(context.get(), options.key, SSL_FILETYPE_PEM) != 1) {
    fail(options.key);
  }
  constexpr unsigned char kName[] = "alone";
  if (SSL_CTX_set_session_id_context(context.get(), kName, sizeof(kName) - 1) != 1 ||
      SSL_CTX_set_num_tickets(context.get(), 1) != 1) {
    fail("no tickets");
  }
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

// The newest ticket of the client; one for the whole program.
SslSessionPointer& newest_session() {
  static SslSessionPointer session;
  return session;
}

int keep_session(SSL*, SSL_SESSION* session) {
  newest_session().reset(session);
  return 1;  // it is ours now
}

ContextPointer make_client_context(const Options& options) {
  ContextPointer context = make_context(TLS_client_method(), options);
  if (SSL_CTX_set1_sigalgs_list(context.get(), kSignature) != 1) fail(kSignature);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), keep_session);
  return context;
}

// A client and a server that hand each other their octets. The server's calls are timed.
class Handshaker {
 public:
  Handshaker(const Options& options, ContextPointer server, ContextPointer client)
      : options_(options), server_context_(std::move(server)), client_context_(std::move(client)) {}

  // Nanoseconds of the server's part of one handshake.
  int64_t run() {
    spent_ = 0;
    BioPointer to_server(BIO_new(BIO_s_mem()));
    BioPointer to_client(BIO_new(BIO_s_mem()));
    if (!to_server || !to_client) fail("no memory");
    SslPointer client = make_client(to_client.get(), to_server.get());
    SslPointer server;
    timed([&] {
      server.reset(SSL_new(server_context_.get()));
      if (server) attach(server.get(), to_server.get(), to_client.get());
    });
    if (!server) fail("SSL_new");
    shake_hands(client.get(), server.get());
    resumed_ = SSL_session_reused(server.get()) == 1;
    // Without this the client's session would pass for one of a broken connection.
    SSL_set_shutdown(client.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    timed([&] { server.reset(); });
    return spent_;
  }

  [[nodiscard]] bool resumed() const { return resumed_; }

 private:
  template <typename Calls>
  void timed(Calls&& calls) {
    const int64_t begin = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    calls();
    spent_ += nanoseconds(CLOCK_THREAD_CPUTIME_ID) - begin;
  }

  // Each side owns a reference to both BIOs.
  static void attach(SSL* ssl, BIO* in, BIO* out) {
    BIO_up_ref(in);
    BIO_up_ref(out);
    SSL_set_bio(ssl, in, out);
  }

  SslPointer make_client(BIO* in, BIO* out) {
    SslPointer client(SSL_new(client_context_.get()));
    if (!client) fail("SSL_new");
    attach(client.get(), in, out);
    SSL_set_connect_state(client.get());
    if (options_.resume && newest_session()) {
      SSL_set_session(client.get(), newest_session().get());
    }
    return client;
  }

  void shake_hands(SSL* client, SSL* server) {
    int accepted = 0;
    for (int turn = 0; turn < kTurns && accepted != 1; ++turn) {
      check(client, SSL_do_handshake(client), "the client's handshake");
      timed([&] { accepted = SSL_accept(server); });
      check(server, accepted, "SSL_accept");
    }
    if (accepted != 1) fail("the handshake does not end");
    check(client, SSL_do_handshake(client), "the client's handshake");
    std::array<char, 64> none;  // nothing was sent but, in TLS 1.3, the ticket
    check(client, SSL_read(client, none.data(), static_cast<int>(none.size())), "the ticket");
    if (SSL_is_init_finished(client) != 1) fail("the client's handshake does not end");
  }

  static void check(const SSL* ssl, int result, const char* what) {
    if (result != 1 && SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ) fail(what);
  }

  Options options_;
  ContextPointer server_context_;
  ContextPointer client_context_;
  int64_t spent_ = 0;
  bool resumed_ = false;
};

bool take(std::string_view word, Options& options, bool& seconds_next) {
  if (std::exchange(seconds_next, false)) {
    const auto [end, error] =
        std::from_chars(word.data(), word.data() + word.size(), options.seconds);
    return error == std::errc() && end == word.data() + word.size() && options.seconds > 0;
  }
  if (word == "--tls1.2") options.version = TLS1_2_VERSION;
  if (word == "--tls1.3") options.version = TLS1_3_VERSION;
  if (word == "--resume") options.resume = true;
  if (word == "--seconds") seconds_next = true;
  return word == "--tls1.2" || word == "--tls1.3" || word == "--resume" || word == "--seconds";
}

bool parse(int argc, char** argv, Options& options) {
  if (argc < 4) return false;
  options.chain = argv[1];
  options.key = argv[2];
  bool seconds_next = false;
  for (int i = 3; i < argc; ++i) {
    if (!take(argv[i], options, seconds_next)) return false;
  }
  return options.version != 0 && !seconds_next;
}

int measure(const Options& options) {
  Handshaker handshaker(options, make_server_context(options), make_client_context(options));
  for (int i = 0; i < kWarmUp; ++i) handshaker.run();
  const int64_t end = nanoseconds(CLOCK_MONOTONIC) + int64_t{options.seconds} * 1'000'000'000;
  int64_t spent = 0, handshakes = 0, resumed = 0;
  while (nanoseconds(CLOCK_MONOTONIC) < end) {
    spent += handshaker.run();
    ++handshakes;
    resumed += handshaker.resumed() ? 1 : 0;
  }
  std::printf("{\"handshakes\":%lld,\"resumed\":%lld,\"microseconds\":%.1f}\n",
              static_cast<long long>(handshakes), static_cast<long long>(resumed),
              static_cast<double>(spent) / 1e3);
  return 0;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  sluice::bench::Options options;
  if (!sluice::bench::parse(argc, argv, options)) {
    std::fputs("usage: accept_alone CHAIN KEY --tls1.2|--tls1.3 [--resume] [--seconds N]\n",
               stderr);
    return 2;
  }
  return sluice::bench::measure(options);
}
