// Flights go to and fro whole.
#include "unit/tls/served_handshake.h"

#include <openssl/err.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>

namespace sluice::tls {

namespace {

std::string take_written(SSL* ssl) {
  char* data = nullptr;
  BIO* const bio = SSL_get_wbio(ssl);
  const long size = BIO_get_mem_data(bio, &data);
  std::string octets(data, static_cast<size_t>(size));
  BIO_reset(bio);
  return octets;
}

std::shared_ptr<const Certificate> load(const CertificateWish& wish, const ServedOptions& options) {
  const MadeChain chain(wish);
  const MadeCertificate alone(wish);
  const MadeCertificate& leaf = options.self_signed ? alone : chain.leaf;
  const bool with_intermediate = options.sends_intermediate && !options.self_signed;
  CertificateProblems problems;
  auto certificate = Certificate::parse(with_intermediate ? chain.pem() : leaf.pem(), "site.pem",
                                        leaf.key_pem(), "site.key", std::time(nullptr), problems);
  if (certificate != nullptr) return certificate;
  std::fprintf(stderr, "served_handshake: the certificate is not taken\n");
  std::abort();
}

}  // namespace

std::shared_ptr<const ListenerContext> make_served_context(const ServedOptions& options) {
  ListenerContext::Parts parts{.tls = options.tls, .tickets = TicketKeys::random()};
  for (const CertificateWish& wish : options.certificates)
    parts.certificates.push_back({load(wish, options), false});
  std::string problem;
  auto context = ListenerContext::make(std::move(parts), nullptr, problem);
  if (context != nullptr) return context;
  std::fprintf(stderr, "served_handshake: %s\n", problem.c_str());
  std::abort();
}

ServedHandshake::ServedHandshake(std::shared_ptr<const ListenerContext> context)
    : context_(std::move(context)),
      session_(workspace_, *context_),
      client_context_(SSL_CTX_new(TLS_client_method())) {}

Session::Status ServedHandshake::give(std::string_view octets) {
  workspace_.clear_output();
  return session_.handshake(octets, std::chrono::microseconds(10));
}

Session::Status ServedHandshake::run(const Change& change, int flights) {
  const SslPointer client(SSL_new(client_context_.get()));
  SSL_set_bio(client.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(client.get());
  if (!name_.empty()) SSL_set_tlsext_host_name(client.get(), name_.c_str());
  Session::Status status = Session::Status::wants_records;
  for (int flight = 0; flight < flights; ++flight) {
    std::string octets;
    if (flight % 2 == 0) {
      SSL_do_handshake(client.get());
      ERR_clear_error();  // the client's are none of the session's
      octets = take_written(client.get());
    } else {
      octets = workspace_.output();
    }
    if (change) change(flight, octets);
    if (octets.empty()) break;
    if (flight % 2 == 0) {
      status = give(octets);
      if (status == Session::Status::done) break;
    } else {
      BIO_write(SSL_get_rbio(client.get()), octets.data(), static_cast<int>(octets.size()));
    }
  }
  ERR_clear_error();
  return status;
}

}  // namespace sluice::tls
