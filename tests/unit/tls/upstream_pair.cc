// OpenSSL's BIOs of memory hold what the upstream says.
#include "tests/unit/tls/upstream_pair.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "tests/unit/tls/session_pair.h"

namespace sluice::tls {
namespace {

[[noreturn]] void give_up(const std::string& text) {
  std::fprintf(stderr, "upstream_pair: %s\n", text.c_str());
  std::abort();
}

BioPointer reading(const std::string& text) {
  return BioPointer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

X509Pointer certificate_of(const MadeCertificate& made) {
  const std::string pem = made.pem();
  return X509Pointer(PEM_read_bio_X509(reading(pem).get(), nullptr, nullptr, nullptr));
}

void use(SSL_CTX& context, const UpstreamWish& wish) {
  const MadeCertificate& made = wish.certificate != nullptr ? *wish.certificate : made_localhost();
  const std::string key = made.key_pem();
  const KeyPointer secret(PEM_read_bio_PrivateKey(reading(key).get(), nullptr, nullptr, nullptr));
  bool fits = SSL_CTX_use_certificate(&context, certificate_of(made).get()) == 1 &&
              SSL_CTX_use_PrivateKey(&context, secret.get()) == 1;
  for (const MadeCertificate* const one : wish.chain)
    fits = fits && SSL_CTX_add1_chain_cert(&context, certificate_of(*one).get()) == 1;
  if (!fits) give_up("the upstream's certificate cannot be used");
}

void ask_for_certificate(SSL_CTX& context, const MadeCertificate& authority) {
  const X509Pointer certificate = certificate_of(authority);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(&context), certificate.get());
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
}

int choose_protocol(SSL* ssl, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned offered_size, void* upstream) {
  auto* const text = static_cast<std::string*>(SSL_get_app_data(ssl));
  text->assign(reinterpret_cast<const char*>(offered), offered_size);
  const std::string& protocol = static_cast<MemoryUpstream*>(upstream)->protocol();
  if (protocol.empty()) return SSL_TLSEXT_ERR_NOACK;
  *chosen = reinterpret_cast<const unsigned char*>(protocol.data());
  *size = static_cast<unsigned char>(protocol.size());
  return SSL_TLSEXT_ERR_OK;
}

void note_alert(int is_written, int, int type, const void* octets, size_t size, SSL*,
                void* alerts) {
  if (is_written != 0 || type != SSL3_RT_ALERT || size != 2) return;
  static_cast<std::vector<int>*>(alerts)->push_back(static_cast<const uint8_t*>(octets)[1]);
}

}  // namespace

MemoryUpstream::MemoryUpstream(const UpstreamWish& wish)
    : protocol_(wish.protocol), context_(SSL_CTX_new(TLS_server_method())) {
  SSL_CTX_set_security_level(context_.get(), 0);
  SSL_CTX_set_min_proto_version(context_.get(), wish.oldest);
  SSL_CTX_set_max_proto_version(context_.get(), wish.newest);
  SSL_CTX_set_session_id_context(context_.get(), reinterpret_cast<const unsigned char*>("u"), 1);
  use(*context_, wish);
  if (wish.asks_for_certificate) ask_for_certificate(*context_, *wish.authority);
  SSL_CTX_set_alpn_select_cb(context_.get(), choose_protocol, this);
}

UpstreamEnd::UpstreamEnd(MemoryUpstream& upstream) : ssl_(SSL_new(&upstream.context())) {
  SSL* const ssl = ssl_.get();
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  BIO_set_mem_eof_return(SSL_get_rbio(ssl), -1);
  SSL_set_app_data(ssl, &offered_);
  SSL_set_msg_callback(ssl, note_alert);
  SSL_set_msg_callback_arg(ssl, &alerts);
  SSL_set_accept_state(ssl);
}

bool UpstreamEnd::give(std::string_view records) {
  SSL* const ssl = ssl_.get();
  ERR_clear_error();
  if (!records.empty())
    BIO_write(SSL_get_rbio(ssl), records.data(), static_cast<int>(records.size()));
  if (failed) return false;
  int result = established ? 1 : SSL_do_handshake(ssl);
  established = established || result == 1;
  std::array<char, 4096> room;
  while (result > 0) {
    result = SSL_read(ssl, room.data(), room.size());
    if (result > 0) plain.append(room.data(), static_cast<size_t>(result));
  }
  const int error = SSL_get_error(ssl, result);
  failed = error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL;
  ERR_clear_error();
  return !failed;
}

std::string UpstreamEnd::take() {
  BIO* const bio = SSL_get_wbio(ssl_.get());
  std::string octets(BIO_ctrl_pending(bio), '\0');
  if (!octets.empty()) BIO_read(bio, octets.data(), static_cast<int>(octets.size()));
  return octets;
}

void UpstreamEnd::write(std::string_view text) {
  SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
  ERR_clear_error();
}

std::string UpstreamEnd::server_name() const {
  const char* const name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  return name != nullptr ? name : "";
}

std::string UpstreamEnd::offered() const { return offered_; }

std::string UpstreamEnd::client_certificate() const {
  const X509* const shown = SSL_get0_peer_certificate(ssl_.get());
  if (shown == nullptr) return {};
  std::array<char, 256> text{};
  X509_NAME_oneline(X509_get_subject_name(shown), text.data(), text.size());
  return text.data();
}

Session::Status UpstreamPair::give(std::string_view records) {
  rest.append(records);
  std::string_view view = rest;
  if (!session.established()) status = session.handshake(view, {});
  std::vector<char> memory(4096);
  while (session.established()) {
    const Session::Plain got = session.read(view, memory);
    plain.append(memory.data(), got.octets);
    status = got.status;
    if (status != Session::Status::done) break;
  }
  rest.erase(0, rest.size() - view.size());
  return status;
}

std::string UpstreamPair::take() {
  std::string octets(workspace.output());
  workspace.clear_output();
  return octets;
}

bool UpstreamPair::run() {
  if (!session.established()) give({});
  for (bool moved = true; moved;) {
    std::string octets = take();
    moved = !octets.empty();
    if (moved) upstream_end.give(octets);
    octets = upstream_end.take();
    moved = moved || !octets.empty();
    const size_t step = piece != 0 ? piece : std::max<size_t>(octets.size(), 1);
    for (size_t begin = 0; begin < octets.size(); begin += step)
      give(std::string_view(octets).substr(begin, step));
  }
  return session.established() && !session.failed() && upstream_end.established &&
         !upstream_end.failed;
}

conf::UpstreamTarget target_of(const CertificateFolder& folder, const MadeCertificate& authority) {
  conf::UpstreamTarget target;
  target.host = "localhost";
  target.port = 443;
  target.tls.emplace();
  target.tls->authorities = folder.write("authorities.pem", authority.pem());
  return target;
}

std::shared_ptr<const UpstreamContext> make_upstream(const conf::UpstreamTarget& target) {
  std::string problem;
  auto made = UpstreamContext::make(target, problem);
  if (!made) give_up(problem);
  return made;
}

}  // namespace sluice::tls
