// The pair takes turns until a turn moves nothing.
#include "tests/unit/tls/handshake_pair.h"

#include <openssl/err.h>
#include <openssl/pem.h>

namespace sluice::tls {
namespace {

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

void set_name(X509_NAME* name, const std::string& text) {
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(text.data()),
                             static_cast<int>(text.size()), -1, 0);
}

void use(SSL_CTX* context, const PairIdentity& identity) {
  SSL_CTX_use_certificate(context, identity.certificate.get());
  SSL_CTX_use_PrivateKey(context, identity.key.get());
}

int accept_any(int, X509_STORE_CTX*) { return 1; }

// A step of a clock that the trace cannot tell from a real one.
std::chrono::microseconds next_time() {
  static std::chrono::microseconds time{0};
  return time += std::chrono::microseconds(10);
}

void on_message(int sent, int, int type, const void* octets, size_t size, SSL*, void* trace) {
  static_cast<HandshakeTrace*>(trace)->add(
      sent == 1, type, {static_cast<const uint8_t*>(octets), size}, next_time());
}

SslPointer make_end(SSL_CTX* context, HandshakeTrace& trace) {
  SslPointer ssl(SSL_new(context));
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_msg_callback(ssl.get(), on_message);
  SSL_set_msg_callback_arg(ssl.get(), &trace);
  return ssl;
}

std::vector<uint8_t> take_written(SSL* ssl) {
  char* data = nullptr;
  BIO* const bio = SSL_get_wbio(ssl);
  const long size = BIO_get_mem_data(bio, &data);
  std::vector<uint8_t> octets(data, data + size);
  BIO_reset(bio);
  return octets;
}

}  // namespace

PairIdentity make_identity(const IdentityOptions& options) {
  static long serial = 1;
  PairIdentity made;
  made.key.reset(options.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
  made.certificate.reset(X509_new());
  X509* const certificate = made.certificate.get();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), options.begins);
  X509_gmtime_adj(X509_getm_notAfter(certificate), options.ends);
  set_name(X509_get_subject_name(certificate), options.name);
  X509_set_pubkey(certificate, made.key.get());
  X509* const issuer = options.issuer ? options.issuer->certificate.get() : certificate;
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  if (options.authority) {
    add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:TRUE");
  } else if (options.alternative_names) {
    add_extension(certificate, issuer, NID_subject_alt_name,
                  "DNS:" + options.name + ",IP:127.0.0.1,IP:::1");
  }
  X509_sign(certificate, options.issuer ? options.issuer->key.get() : made.key.get(), EVP_sha256());
  return made;
}

std::vector<uint8_t> to_der(const X509& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(&certificate, &der);
  std::vector<uint8_t> octets(der, der + size);
  OPENSSL_free(der);
  return octets;
}

std::string to_pem(const X509& certificate) {
  const BioPointer bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), &certificate);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
}

HandshakePair::HandshakePair(const PairOptions& options)
    : client_context(SSL_CTX_new(TLS_client_method())),
      server_context(SSL_CTX_new(TLS_server_method())) {
  for (SSL_CTX* context : {client_context.get(), server_context.get()}) {
    SSL_CTX_set_min_proto_version(context, options.version);
    SSL_CTX_set_max_proto_version(context, options.version);
    if (!options.suites.empty()) SSL_CTX_set_cipher_list(context, options.suites.c_str());
    if (!options.tickets) SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  }
  if (!options.client_groups.empty())
    SSL_CTX_set1_groups_list(client_context.get(), options.client_groups.c_str());
  if (!options.server_groups.empty())
    SSL_CTX_set1_groups_list(server_context.get(), options.server_groups.c_str());
  use(server_context.get(), *options.server);
  SSL_CTX_set_session_id_context(server_context.get(),
                                 reinterpret_cast<const unsigned char*>("pair"), 4);
  if (options.client != nullptr) {
    use(client_context.get(), *options.client);
    SSL_CTX_set_verify(server_context.get(), SSL_VERIFY_PEER, accept_any);
  }
  reconnect();
}

void HandshakePair::reconnect() {
  client_trace = HandshakeTrace(Role::client);
  server_trace = HandshakeTrace(Role::server);
  client = make_end(client_context.get(), client_trace);
  server = make_end(server_context.get(), server_trace);
  SSL_set_connect_state(client.get());
  SSL_set_accept_state(server.get());
  SSL_set_tlsext_host_name(client.get(), "site.example");
  flight_ = 0;
  wire.clear();
}

bool HandshakePair::turn(SSL* from, SSL* to, const Change& change) {
  char discarded = 0;
  if (SSL_do_handshake(from) == 1) SSL_read(from, &discarded, 1);
  std::vector<uint8_t> octets = take_written(from);
  if (octets.empty()) return false;
  if (change) change(flight_, octets);
  ++flight_;
  wire.insert(wire.end(), octets.begin(), octets.end());
  BIO_write(SSL_get_rbio(to), octets.data(), static_cast<int>(octets.size()));
  return true;
}

void HandshakePair::run(const Change& change) {
  bool moved = true;
  while (moved) {
    moved = turn(client.get(), server.get(), change);
    moved = turn(server.get(), client.get(), change) || moved;
  }
  // What came last is still to be read. Sessions of connections that end without a word may not be
  // resumed, so that OpenSSL is told that there was one.
  char discarded = 0;
  SSL_read(client.get(), &discarded, 1);
  SSL_read(server.get(), &discarded, 1);
  for (SSL* end : {client.get(), server.get()})
    SSL_set_shutdown(end, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  ERR_clear_error();
}

}  // namespace sluice::tls
