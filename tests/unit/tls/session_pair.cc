// Turns are taken until one moves nothing; OpenSSL's BIOs of memory hold what a client says.
#include "tests/unit/tls/session_pair.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace sluice::tls {
namespace {

[[noreturn]] void give_up(const std::string& text) {
  std::fprintf(stderr, "session_pair: %s\n", text.c_str());
  std::abort();
}

BioPointer reading(const std::string& text) {
  return BioPointer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

void use(SSL_CTX& context, const MadeCertificate& made) {
  const std::string chain = made.pem(), key = made.key_pem();
  const X509Pointer certificate(PEM_read_bio_X509(reading(chain).get(), nullptr, nullptr, nullptr));
  const KeyPointer secret(PEM_read_bio_PrivateKey(reading(key).get(), nullptr, nullptr, nullptr));
  if (SSL_CTX_use_certificate(&context, certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(&context, secret.get()) != 1)
    give_up("the client's certificate cannot be used");
}

}  // namespace

std::shared_ptr<const Certificate> load_certificate(const MadeCertificate& made,
                                                    const std::string& path) {
  CertificateProblems problems;
  auto loaded = Certificate::parse(made.pem(), path + ".pem", made.key_pem(), path + ".key",
                                   time(nullptr), problems);
  if (!loaded) give_up(problems.empty() ? "no certificate" : problems.front().text);
  return loaded;
}

const MadeCertificate& made_localhost() {
  static const MadeCertificate made({.names = {"localhost"}});
  return made;
}

ListenerContext::Parts listener_parts(conf::Tls tls) {
  return {.tls = std::move(tls),
          .certificates = {{.certificate = load_certificate(made_localhost())}},
          .sites = {},
          .tickets = TicketKeys::random()};
}

std::shared_ptr<const ListenerContext> make_listener(ListenerContext::Parts&& parts,
                                                     const ListenerContext* previous) {
  std::string problem;
  auto made = ListenerContext::make(std::move(parts), previous, problem);
  if (!made) give_up(problem);
  return made;
}

// --- The client ----------------------------------------------------------------------------------

MemoryClient::MemoryClient(const ClientWish& wish) : context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX* const context = context_.get();
  SSL_CTX_set_security_level(context, 0);
  SSL_CTX_set_min_proto_version(context, wish.version != 0 ? wish.version : TLS1_VERSION);
  SSL_CTX_set_max_proto_version(context, wish.version);
  SSL_CTX_set_options(context, wish.options);
  bool fits = true;
  if (!wish.suites.empty()) {
    fits = wish.version == TLS1_3_VERSION
               ? SSL_CTX_set_ciphersuites(context, wish.suites.c_str()) == 1
               : SSL_CTX_set_cipher_list(context, wish.suites.c_str()) == 1;
  }
  if (!wish.groups.empty())
    fits = fits && SSL_CTX_set1_groups_list(context, wish.groups.c_str()) == 1;
  if (!wish.signatures.empty())
    fits = fits && SSL_CTX_set1_sigalgs_list(context, wish.signatures.c_str()) == 1;
  if (!fits) give_up("the client cannot be what it should be");
  if (wish.certificate != nullptr) use(*context, *wish.certificate);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, on_ticket);
  ssl_.reset(SSL_new(context));
  SSL* const ssl = ssl_.get();
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  BIO_set_mem_eof_return(SSL_get_rbio(ssl), -1);
  SSL_set_app_data(ssl, this);
  SSL_set_msg_callback(ssl, on_message);
  SSL_set_msg_callback_arg(ssl, this);
  if (!wish.name.empty()) SSL_set_tlsext_host_name(ssl, wish.name.c_str());
  if (!wish.alpn.empty()) {
    SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(wish.alpn.data()),
                        static_cast<unsigned>(wish.alpn.size()));
  }
  if (wish.session != nullptr) SSL_set_session(ssl, wish.session);
  SSL_set_connect_state(ssl);
  give({});
}

int MemoryClient::on_ticket(SSL* ssl, SSL_SESSION* session) {
  static_cast<MemoryClient*>(SSL_get_app_data(ssl))->ticket.reset(session);
  return 1;
}

void MemoryClient::on_message(int is_written, int, int type, const void* octets, size_t size, SSL*,
                              void* client) {
  if (is_written != 0 || type != SSL3_RT_ALERT || size != 2) return;
  static_cast<MemoryClient*>(client)->alerts.push_back(static_cast<const uint8_t*>(octets)[1]);
}

bool MemoryClient::give(std::string_view records) {
  SSL* const ssl = ssl_.get();
  ERR_clear_error();
  if (!records.empty())
    BIO_write(SSL_get_rbio(ssl), records.data(), static_cast<int>(records.size()));
  if (failed) return false;
  int result = 1;
  if (!established) result = SSL_do_handshake(ssl);
  established = established || result == 1;
  std::array<char, 4096> room;
  while (result > 0) {
    result = SSL_read(ssl, room.data(), room.size());
    if (result > 0) plain.append(room.data(), static_cast<size_t>(result));
  }
  const int error = SSL_get_error(ssl, result);
  closed = closed || error == SSL_ERROR_ZERO_RETURN;
  failed = error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL;
  ERR_clear_error();
  return !failed;
}

std::string MemoryClient::take() {
  BIO* const bio = SSL_get_wbio(ssl_.get());
  std::string octets(BIO_ctrl_pending(bio), '\0');
  if (!octets.empty()) BIO_read(bio, octets.data(), static_cast<int>(octets.size()));
  return octets;
}

void MemoryClient::write(std::string_view plain_octets) {
  ERR_clear_error();
  SSL_write(ssl_.get(), plain_octets.data(), static_cast<int>(plain_octets.size()));
  ERR_clear_error();
}

// --- The session ---------------------------------------------------------------------------------

Session::Status SessionEnd::give(std::string_view records) {
  rest.append(records);
  if (!session.established()) {
    std::string_view view = rest;
    status = session.handshake(view, {});
    rest.erase(0, rest.size() - view.size());
    if (status != Session::Status::done) return status;
  }
  read();
  return status;
}

// As a connection does: until nothing more comes.
void SessionEnd::read() {
  std::vector<char> memory(room);
  std::string_view view = rest;
  Session::Plain got{Session::Status::done, 0};
  do {
    got = session.read(view, memory);
    plain.append(memory.data(), got.octets);
    status = got.status;
  } while (got.status == Session::Status::done);
  rest.erase(0, rest.size() - view.size());
}

std::string SessionEnd::take() {
  std::string octets(workspace.output());
  workspace.clear_output();
  return octets;
}

bool SessionPair::run(const Change& change) {
  for (bool moved = true; moved;) {
    std::string octets = client.take();
    moved = !octets.empty();
    if (moved && change) change(flight_, true, octets);
    flight_ += moved ? 1 : 0;
    const size_t step = piece != 0 ? piece : std::max<size_t>(octets.size(), 1);
    for (size_t begin = 0; begin < octets.size(); begin += step)
      server.give(std::string_view(octets).substr(begin, step));
    octets = server.take();
    if (octets.empty()) continue;
    moved = true;
    if (change) change(flight_, false, octets);
    ++flight_;
    client.give(octets);
  }
  return server.session.established() && !server.session.failed() && client.established &&
         !client.failed;
}

void SessionPair::answer(std::string_view plain) {
  while (!plain.empty()) {
    const std::string_view record = plain.substr(0, Workspace::kRecord);
    if (!server.session.write(record)) return;
    client.give(server.take());
    plain.remove_prefix(record.size());
  }
}

std::vector<std::string> records_of(std::string_view octets) {
  std::vector<std::string> records;
  while (!octets.empty()) {
    size_t size = octets.size();
    if (size >= 5) {
      size = std::min(size, 5 + static_cast<size_t>(static_cast<uint8_t>(octets[3])) * 256 +
                                static_cast<uint8_t>(octets[4]));
    }
    records.emplace_back(octets.substr(0, size));
    octets.remove_prefix(size);
  }
  return records;
}

}  // namespace sluice::tls
