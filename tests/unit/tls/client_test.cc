// The client against a server of OpenSSL in memory: what it sends, what it says of certificates,
// and that it resumes.
#include "tls/client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "tests/unit/tls/handshake_pair.h"

namespace sluice::tls {
namespace {

using Kind = VerificationProblem::Kind;

// A file of its own with these octets, removed at the end.
class TextFile {
 public:
  explicit TextFile(const std::string& text) {
    const int descriptor = ::mkstemp(path_.data());
    EXPECT_EQ(::write(descriptor, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    ::close(descriptor);
  }
  ~TextFile() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/sluice-client-test-XXXXXX";
};

// A server without a socket.
class Peer {
 public:
  explicit Peer(const PairIdentity& identity, int version = 0)
      : context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_use_certificate(context_.get(), identity.certificate.get());
    SSL_CTX_use_PrivateKey(context_.get(), identity.key.get());
    SSL_CTX_set_max_proto_version(context_.get(), version);
    reconnect();
  }

  void reconnect() {
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl_.get());
  }

  std::vector<uint8_t> answer(const std::vector<uint8_t>& octets) {
    BIO_write(SSL_get_rbio(ssl_.get()), octets.data(), static_cast<int>(octets.size()));
    char discarded = 0;
    if (SSL_do_handshake(ssl_.get()) == 1) SSL_read(ssl_.get(), &discarded, 1);
    std::vector<uint8_t> written(BIO_ctrl_pending(SSL_get_wbio(ssl_.get())));
    BIO_read(SSL_get_wbio(ssl_.get()), written.data(), static_cast<int>(written.size()));
    return written;
  }
  SSL* ssl() { return ssl_.get(); }

 private:
  ContextPointer context_;
  SslPointer ssl_;
};

std::unique_ptr<ClientContext> make_context(const ClientOptions& options) {
  std::string error;
  auto context = ClientContext::make(options, error);
  EXPECT_EQ(error, "");
  return context;
}

Client::Progress shake(Client& client, Peer& peer) {
  Client::Progress progress = client.advance({}, {});
  for (auto out = client.take_output(); !out.empty(); out = client.take_output())
    progress = client.advance(peer.answer(out), {});
  return progress;
}

struct Outcome {
  Client::Progress progress;
  std::vector<Kind> problems;
  HandshakeSummary summary;
};

Outcome outcome(const ClientOptions& options, const PairIdentity& identity, const std::string& name,
                int version = 0) {
  const auto context = make_context(options);
  Peer peer(identity, version);
  HandshakeTrace trace(Role::client);
  Client client(*context, name, name, trace);
  Outcome result{.progress = shake(client, peer)};
  for (const VerificationProblem& problem : client.problems())
    result.problems.push_back(problem.kind);
  result.summary = trace.summary();
  return result;
}

class ClientVerification : public testing::Test {
 protected:
  ClientVerification()
      : authority(make_identity({.name = "Authority", .authority = true})),
        trusted(to_pem(*authority.certificate)) {}

  std::vector<Kind> problems(const IdentityOptions& made, const std::string& name) {
    IdentityOptions options = made;
    options.issuer = &authority;
    const Outcome result = outcome({.authorities = trusted.path()}, make_identity(options), name);
    EXPECT_EQ(result.progress, Client::Progress::done);
    return result.problems;
  }

  PairIdentity authority;
  TextFile trusted;
};

TEST_F(ClientVerification, FindsNothingWrongWithAGoodCertificate) {
  EXPECT_TRUE(problems({}, "site.example").empty());
  EXPECT_TRUE(problems({}, "127.0.0.1").empty());
  EXPECT_TRUE(problems({.name = "*.site.example"}, "any.site.example").empty());
}

TEST_F(ClientVerification, SaysEachThingThatIsWrong) {
  EXPECT_EQ(problems({.ends = -60}, "site.example"), std::vector{Kind::expired});
  EXPECT_EQ(problems({.begins = 3600}, "site.example"), std::vector{Kind::not_yet_valid});
  EXPECT_EQ(problems({}, "other.example"), std::vector{Kind::wrong_name});
  EXPECT_EQ(problems({}, "127.0.0.2"), std::vector{Kind::wrong_name});
  // A common name is no host name.
  EXPECT_EQ(problems({.alternative_names = false}, "site.example"), std::vector{Kind::wrong_name});
  std::vector<Kind> both = problems({.ends = -60}, "other.example");
  std::sort(both.begin(), both.end());
  EXPECT_EQ(both, (std::vector{Kind::expired, Kind::wrong_name}));
}

TEST_F(ClientVerification, TellsUntrustedFromSelfSigned) {
  const PairIdentity alone = make_identity({});
  EXPECT_EQ(outcome({.authorities = trusted.path()}, alone, "site.example").problems,
            std::vector{Kind::self_signed});
  const PairIdentity stranger = make_identity({.name = "Stranger", .authority = true});
  const PairIdentity site = make_identity({.issuer = &stranger});
  EXPECT_EQ(outcome({.authorities = trusted.path()}, site, "site.example").problems,
            std::vector{Kind::untrusted});
}

TEST(Client, NegotiatesTheSuiteAskedFor) {
  const PairIdentity rsa = make_identity({.rsa = true});
  for (const char* name : {"TLS_RSA_WITH_AES_128_CBC_SHA", "AES128-SHA"}) {
    const Outcome result = outcome({.suites = name}, rsa, "site.example");
    EXPECT_EQ(result.progress, Client::Progress::done);
    EXPECT_EQ(result.summary.suite, 0x002f) << name;
    EXPECT_EQ(result.summary.version, kTls12);
  }
  const Outcome newer = outcome({.suites = "TLS_CHACHA20_POLY1305_SHA256"}, rsa, "site.example");
  EXPECT_EQ(newer.summary.suite, 0x1303);
}

TEST(Client, LowersSecurityOnlyForSuitesThatNeedIt) {
  EXPECT_FALSE(make_context({.suites = "TLS_RSA_WITH_AES_128_CBC_SHA"})->lowered_security());
  EXPECT_TRUE(make_context({.suites = "TLS_RSA_WITH_NULL_SHA"})->lowered_security());
}

TEST(Client, RefusesOptionsThatCannotBeHad) {
  const auto error_of = [](const ClientOptions& options) {
    std::string error;
    EXPECT_EQ(ClientContext::make(options, error), nullptr);
    return error;
  };
  EXPECT_NE(error_of({.suites = "NO_SUCH"}).find("NO_SUCH"), std::string::npos);
  EXPECT_NE(error_of({.suites = "TLS_RSA_WITH_RC4_128_MD5"}).find("built without"),
            std::string::npos);
  EXPECT_NE(error_of({.oldest_version = kTls13, .suites = "AES128-SHA"}).find("TLS 1.2"),
            std::string::npos);
  EXPECT_NE(error_of({.authorities = "/nonexistent.pem"}).find("/nonexistent.pem"),
            std::string::npos);
  EXPECT_NE(error_of({.alpn = {std::string(256, 'a')}}).find("ALPN"), std::string::npos);
}

TEST(Client, ResumesInBothVersions) {
  const PairIdentity identity = make_identity({});
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto context = make_context({});
    Peer peer(identity, version);
    HandshakeTrace first(Role::client);
    Client client(*context, "site.example", "site.example", first);
    ASSERT_EQ(shake(client, peer), Client::Progress::done);
    ASSERT_TRUE(client.has_session());
    const ClientSession session = client.session();
    client.close({});
    peer.reconnect();
    HandshakeTrace second(Role::client);
    Client again(*context, "site.example", "site.example", second);
    again.resume(session);
    ASSERT_EQ(shake(again, peer), Client::Progress::done);
    EXPECT_TRUE(second.summary().resumed) << version;
    EXPECT_FALSE(first.summary().resumed);
  }
}

TEST(Client, WritesKeysOnlyToTheDescriptorGiven) {
  const PairIdentity identity = make_identity({});
  std::FILE* const file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  outcome({.key_log = ::fileno(file)}, identity, "site.example");
  std::rewind(file);
  char line[256] = "";
  ASSERT_NE(std::fgets(line, sizeof line, file), nullptr);
  EXPECT_EQ(std::string(line).rfind("SERVER_HANDSHAKE_TRAFFIC_SECRET ", 0), 0U) << line;
  std::fclose(file);
}

TEST(Client, FailsOnWhatIsNoTls) {
  const auto context = make_context({});
  HandshakeTrace trace(Role::client);
  Client client(*context, "", "", trace);
  client.advance({}, {});
  const std::string answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
  const std::vector<uint8_t> octets(answer.begin(), answer.end());
  EXPECT_EQ(client.advance(octets, {}), Client::Progress::failed);
  EXPECT_EQ(client.first_octets(), answer);
  EXPECT_FALSE(client.error().empty());
}

TEST(Client, FailsWhenTheTransportEnds) {
  const auto context = make_context({});
  HandshakeTrace trace(Role::client);
  Client client(*context, "", "", trace);
  EXPECT_EQ(client.advance({}, {}), Client::Progress::working);
  EXPECT_EQ(client.end_of_input({}), Client::Progress::failed);
  EXPECT_FALSE(client.has_session());
}

}  // namespace
}  // namespace sluice::tls
