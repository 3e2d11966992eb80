// What operators are told of handshakes that failed: each kind by a real client that fails so, and
// by reports made up where no client of today does.
#include "tls/handshake_failure.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sslerr.h>

#include <ctime>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "unit/tls/explained_handshake.h"

namespace sluice::tls {
namespace {

using Mode = conf::ClientCertificates::Mode;

// --- Real clients --------------------------------------------------------------------------------

// Which trusts nobody.
Prepare verifying(int newest) {
  return [=](SSL_CTX& client) {
    SSL_CTX_set_max_proto_version(&client, newest);
    SSL_CTX_set_verify(&client, SSL_VERIFY_PEER, nullptr);
  };
}

// What the client finds wrong with our certificate, whatever it is.
template <int error>
int find_wrong(int, X509_STORE_CTX* context) {
  X509_STORE_CTX_set_error(context, error);
  return 0;
}

Prepare finding(int (*wrong)(int, X509_STORE_CTX*)) {
  return [=](SSL_CTX& client) { SSL_CTX_set_verify(&client, SSL_VERIFY_PEER, wrong); };
}

ServedOptions self_signed() {
  return {.certificates = {{.names = {"site.example"}}}, .self_signed = true};
}

ServedOptions alone() {
  return {.certificates = {{.names = {"site.example"}}}, .sends_intermediate = false};
}

ServedOptions refusing() {
  return {.tls = {.refuse_unknown_names = true}, .certificates = {{.names = {"sites.example"}}}};
}

std::vector<RealCase> real_cases() {
  return {
      {"unknown_name",
       refusing(),
       {},
       {"name_refused", "no certificate for \"site.example\"; nearest \"sites.example\""}},
      {"unknown_authority",
       alone(),
       verifying(TLS1_3_VERSION),
       {"client_rejects_certificate",
        "client does not know the authority of our certificate: "
        "chain sent has 1 certificate; is the intermediate missing"}},
      {"unknown_authority_tls12",
       {},
       verifying(TLS1_2_VERSION),
       {"client_rejects_certificate", "chain sent has 2 certificates; the client lacks its root"}},
      {"self_signed",
       self_signed(),
       verifying(TLS1_3_VERSION),
       {"client_rejects_certificate", "the certificate is signed by itself"}},
      {"expired",
       {},
       finding(find_wrong<X509_V_ERR_CERT_HAS_EXPIRED>),
       {"client_rejects_certificate", "to be expired: it is valid until 20"}},
      {"revoked",
       {},
       finding(find_wrong<X509_V_ERR_CERT_REVOKED>),
       {"client_rejects_certificate", "revoked"}},
      {"bad_certificate",
       {},
       finding(find_wrong<X509_V_ERR_HOSTNAME_MISMATCH>),
       {"client_rejects_certificate", "client does not trust our certificate"}},
      {"purpose",
       {},
       finding(find_wrong<X509_V_ERR_INVALID_PURPOSE>),
       {"client_rejects_certificate", "client cannot use our certificate"}},
      {"internal_of_client",
       {},
       finding(find_wrong<X509_V_ERR_OUT_OF_MEM>),
       {"client_alert", "client broke off with alert internal_error"}},
      {"fallback",
       {},
       [](SSL_CTX& client) {
         SSL_CTX_set_mode(&client, SSL_MODE_SEND_FALLBACK_SCSV);
         SSL_CTX_set_max_proto_version(&client, TLS1_2_VERSION);
       },
       {"fallback", "TLS_FALLBACK_SCSV"}},
  };
}

class RealFailure : public testing::TestWithParam<RealCase> {};

TEST_P(RealFailure, IsExplained) { expect_explained(GetParam()); }

INSTANTIATE_TEST_SUITE_P(HandshakeFailure, RealFailure, testing::ValuesIn(real_cases()),
                         [](const auto& one) { return std::string(one.param.name); });

// --- Clients with certificates -------------------------------------------------------------------

class ClientCertificateFailure : public testing::TestWithParam<int> {
 protected:
  ClientCertificateFailure() {
    options.tls.client_certificates = {.mode = Mode::require,
                                       .authorities = folder.write("root.pem", root.pem())};
  }

  HandshakeFailure shown(const MadeCertificate* certificate) const {
    ServedHandshake served(options);
    SSL_CTX_set_max_proto_version(served.client(), GetParam());
    if (certificate != nullptr) use(*served.client(), *certificate);
    EXPECT_EQ(served.run(), Session::Status::failed);
    return explain(served, HandshakeEnd::failed);
  }

  static void use(SSL_CTX& client, const MadeCertificate& certificate) {
    const std::string pem = certificate.pem(), key_pem = certificate.key_pem();
    const BioPointer text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    const BioPointer key_text(BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size())));
    const X509Pointer read(PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr));
    const KeyPointer key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr));
    SSL_CTX_use_certificate(&client, read.get());
    SSL_CTX_use_PrivateKey(&client, key.get());
  }

  CertificateFolder folder;
  MadeCertificate root{{.common_name = "Clients", .authority = true}};
  ServedOptions options;
};

TEST_P(ClientCertificateFailure, NoneShown) {
  expect(shown(nullptr), {"client_certificate_missing", "shows no certificate"});
}

TEST_P(ClientCertificateFailure, Expired) {
  const int64_t now = std::time(nullptr);
  const MadeCertificate old({.common_name = "old",
                             .not_before = now - 9000,
                             .not_after = now - 3600,
                             .extended_usage = "clientAuth"},
                            &root);
  expect(shown(&old), {"client_certificate_refused", "not taken: certificate has expired"});
}

TEST_P(ClientCertificateFailure, UnknownAuthority) {
  const MadeCertificate other({.common_name = "Others", .authority = true});
  const MadeCertificate stranger({.common_name = "s", .extended_usage = "clientAuth"}, &other);
  expect(shown(&stranger), {"client_certificate_refused", "unable to get local issuer"});
}

INSTANTIATE_TEST_SUITE_P(HandshakeFailure, ClientCertificateFailure,
                         testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

// --- What is no TLS, or broken -------------------------------------------------------------------

struct RawCase {
  std::string_view name;
  std::string octets;
  HandshakeEnd end;
  Expected expected;
};
void PrintTo(const RawCase& one, std::ostream* out) { *out << one.name; }

std::string record(std::string_view version, std::string_view body, char type = 0x16) {
  std::string octets(1, type);
  octets += version;
  octets += static_cast<char>(body.size() >> 8U);
  octets += static_cast<char>(body.size());
  return octets.append(body);
}

std::string octets(std::string_view text) { return std::string(text); }

std::vector<RawCase> raw_cases() {
  using namespace std::string_literals;
  const std::string v2 = "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10"s + std::string(37, 1);
  return {
      {"http",
       "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
       HandshakeEnd::clear_text,
       {"plain_http", "plain HTTP on a TLS port; answered with 400"}},
      {"long_method",
       "MKCALENDAR /calendars/me HTTP/1.1\r\n",
       HandshakeEnd::clear_text,
       {"plain_http", "plain HTTP on"}},
      {"http2",
       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
       HandshakeEnd::clear_text,
       {"plain_http", "plain HTTP/2 on"}},
      {"ssh", "SSH-2.0-OpenSSH_9.2\r\n", HandshakeEnd::clear_text, {"no_tls", "an SSH client"}},
      {"proxy",
       "PROXY TCP4 192.0.2.1 192.0.2.2 1 443\r\n",
       HandshakeEnd::clear_text,
       {"no_tls", "a PROXY protocol header"}},
      {"mail",
       "EHLO client.example\r\n",
       HandshakeEnd::clear_text,
       {"no_tls", "no TLS: what came begins with \"EHLO client.exa\""}},
      {"remote_desktop",
       "\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00"s,
       HandshakeEnd::failed,
       {"no_tls", "a Remote Desktop client"}},
      {"garbage",
       "\xff\xfe\xfd\x1b[31m garbage",
       HandshakeEnd::failed,
       {"no_tls", R"(no TLS: what came begins with "\xff\xfe\xfd\x1b[31m garbag")"}},
      {"ssl2",
       v2,
       HandshakeEnd::failed,
       {"old_version", "hello of SSL 2 that offers at most SSL 2"}},
      {"malformed",
       record("\x03\x01", octets("\x01\x00\x00\x02\x03\x03"s)),
       HandshakeEnd::failed,
       {"malformed", "malformed ClientHello (OpenSSL: "}},
      {"other_message",
       record("\x03\x01", octets("\x02\x00\x00\x02\x03\x03"s)),
       HandshakeEnd::failed,
       {"malformed", "client's first record holds no ClientHello"}},
      {"large_record",
       "\x16\x03\x01\xff\xff"s + std::string(200, 'x'),
       HandshakeEnd::failed,
       {"record_too_large", "more than 16 KiB"}},
      {"large_message",
       record("\x03\x01", octets("\x01\x0f\xff\xff\x03\x03"s)),
       HandshakeEnd::failed,
       {"malformed", "too large"}},
      {"alert_first",
       record("\x03\x01", octets("\x02\x28"), 0x15),
       HandshakeEnd::failed,
       {"malformed", "client's first record holds no ClientHello"}},
      {"part_of_a_hello",
       "\x16\x03\x01\x02\x00\x01\x00"s,
       HandshakeEnd::left,
       {"client_left", "client closed the connection after 7 octets of its ClientHello"}},
      {"silent", "", HandshakeEnd::timed_out, {"timed_out", "timed out: client sent nothing"}},
      {"stalled",
       "\x16\x03\x01"s,
       HandshakeEnd::timed_out,
       {"timed_out", "timed out: client stopped after 3 octets of its ClientHello"}},
  };
}

class RawFailure : public testing::TestWithParam<RawCase> {};

TEST_P(RawFailure, IsExplained) {
  ServedHandshake served;
  if (!GetParam().octets.empty()) static_cast<void>(served.give(GetParam().octets));
  expect(explain(served, GetParam().end), GetParam().expected);
}

// Octet by octet: nothing of what is known may depend on how it came.
TEST_P(RawFailure, IsExplainedAlikeWhenItComesInPieces) {
  ServedHandshake served;
  using Status = Session::Status;
  Status status = Status::wants_records;
  // What is no TLS shows at the first octet, of which no more would be known.
  const size_t first = GetParam().end == HandshakeEnd::clear_text ? GetParam().octets.size() : 1;
  for (size_t at = 0; at < GetParam().octets.size() && status == Status::wants_records;) {
    const size_t size = at == 0 ? first : 1;
    status = served.give(std::string_view(GetParam().octets).substr(at, size));
    at += size;
  }
  EXPECT_EQ(status == Status::clear_text, GetParam().end == HandshakeEnd::clear_text);
  const HandshakeFailure found = explain(served, GetParam().end);
  EXPECT_EQ(found.kind, GetParam().expected.kind) << found.reason;
}

INSTANTIATE_TEST_SUITE_P(HandshakeFailure, RawFailure, testing::ValuesIn(raw_cases()),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(HandshakeFailure, IsNoneWhenAnOpenPortWasOnlyLookedFor) {
  ServedHandshake served;
  EXPECT_TRUE(is_mere_visit(served.report(), HandshakeEnd::left));
  EXPECT_FALSE(is_mere_visit(served.report(), HandshakeEnd::timed_out));
  expect(explain(served, HandshakeEnd::left), {"client_left", "sent nothing"});
  static_cast<void>(served.give("\x16"));
  EXPECT_FALSE(is_mere_visit(served.report(), HandshakeEnd::left));
}

TEST(HandshakeFailure, TellsAtWhichFlightAClientLeftOrStopped) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    ServedHandshake served;
    SSL_CTX_set_max_proto_version(served.client(), version);
    ASSERT_EQ(served.run({}, 1), Session::Status::wants_records);
    expect(explain(served, HandshakeEnd::left),
           {"client_left", "after our certificate, without an alert"});
    expect(explain(served, HandshakeEnd::timed_out),
           {"timed_out", "client stopped after our certificate, to which no answer came"});
  }
}

TEST(HandshakeFailure, TellsOfAClientThatWasAskedForAnotherGroup) {
  ServedHandshake served;
  ASSERT_EQ(SSL_CTX_set1_groups_list(served.client(), "P-521:P-256"), 1);
  ASSERT_EQ(served.run({}, 1), Session::Status::wants_records);
  expect(explain(served, HandshakeEnd::left), {"client_left", "HelloRetryRequest"});
}

TEST(HandshakeFailure, TellsOfChangedRecords) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    ServedHandshake served;
    SSL_CTX_set_max_proto_version(served.client(), version);
    const Session::Status status = served.run([](int flight, std::string& octets) {
      if (flight == 2) octets.back() = static_cast<char>(octets.back() ^ 1);
    });
    ASSERT_EQ(status, Session::Status::failed);
    expect(explain(served, HandshakeEnd::failed), {"decryption_failed", "does not verify"});
  }
}

TEST(HandshakeFailure, TellsOfMessagesOutOfTurn) {
  ServedHandshake served;
  const Session::Status status = served.run([](int flight, std::string& octets) {
    if (flight == 2) octets = record("\x03\x03", std::string("\x14\x00\x00\x01x", 5));
  });
  ASSERT_EQ(status, Session::Status::failed);
  expect(explain(served, HandshakeEnd::failed),
         {"protocol_error", "client breaks the protocol after its ClientHello (OpenSSL: "});
}

TEST(HandshakeFailure, BlamesUsForWhatIsOurs) {
  ServedHandshake served;
  HandshakeReport report;
  report.hello_came = true;
  report.hello = ClientHello{};
  report.received = 200;
  report.alert_sent = SSL_AD_INTERNAL_ERROR;
  report.error = ERR_PACK(ERR_LIB_SSL, 0, SSL_R_CALLBACK_FAILED);
  const auto found =
      explain_handshake(report, served.context(), served.session().choice(), HandshakeEnd::failed);
  expect(found, {"internal_error", "internal error of ours: the context for site.pem"});
}

TEST(HandshakeFailure, IsBoundedAndPrintable) {
  ServedHandshake served;
  HandshakeReport report;
  report.hello = ClientHello{};
  report.hello->alpn.assign(32, std::string(255, '\xff'));
  report.hello_came = true;
  report.error = ERR_PACK(ERR_LIB_SSL, 0, SSL_R_NO_APPLICATION_PROTOCOL);
  const auto found =
      explain_handshake(report, served.context(), served.session().choice(), HandshakeEnd::failed);
  EXPECT_EQ(found.reason.size(), HandshakeFailure::kLongestReason);
  EXPECT_TRUE(found.reason.ends_with("..."));
  for (const char c : found.reason) EXPECT_TRUE(c >= ' ' && c <= '~');
}

}  // namespace
}  // namespace sluice::tls
