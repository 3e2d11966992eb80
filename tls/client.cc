// OpenSSL over two memory BIOs. Verification goes on after each thing found wrong, so that all of
// it can be said.
#include "tls/client.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "tls/client_state.h"
#include "tls/error_text.h"

namespace sluice::tls {

struct Client::State {
  explicit State(HandshakeTrace& traced) : trace(traced) {}

  SslPointer ssl;
  HandshakeTrace& trace;
  std::chrono::microseconds now{0};
  std::vector<VerificationProblem> problems;
  std::string error;
  std::string first_octets;
  Progress progress = Progress::working;
};

namespace {

using Kind = VerificationProblem::Kind;
constexpr size_t kFirstOctets = 32;
constexpr size_t kMostProblems = 16;

Kind kind_of(int error) {
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return Kind::expired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return Kind::not_yet_valid;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return Kind::wrong_name;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return Kind::self_signed;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return Kind::untrusted;
    default:
      return Kind::other;
  }
}

// OpenSSL says some things twice, in other words; once is enough.
void add_problem(std::vector<VerificationProblem>& problems, VerificationProblem&& problem) {
  const bool known =
      std::any_of(problems.begin(), problems.end(), [&problem](const VerificationProblem& other) {
        return other.kind == problem.kind &&
               (other.depth == problem.depth || other.kind == Kind::untrusted) &&
               (other.kind != Kind::other || other.reason == problem.reason);
      });
  if (!known && problems.size() < kMostProblems) problems.push_back(std::move(problem));
}

int on_verify(int is_good, X509_STORE_CTX* store) {
  if (is_good == 1) return 1;  // the error that is stored may be an earlier one
  const int error = X509_STORE_CTX_get_error(store);
  auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* const problems = static_cast<std::vector<VerificationProblem>*>(SSL_get_app_data(ssl));
  add_problem(*problems,
              {.kind = kind_of(error),
               .depth = static_cast<size_t>(std::max(0, X509_STORE_CTX_get_error_depth(store))),
               .reason = X509_verify_cert_error_string(error)});
  return 1;
}

void expect_name(SSL* ssl, const std::string& name) {
  X509_VERIFY_PARAM* const parameters = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) == 1) return;
  ERR_clear_error();
  // As browsers do: the subject's common name is no host name (RFC 9525 section 2).
  X509_VERIFY_PARAM_set_hostflags(
      parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  X509_VERIFY_PARAM_set1_host(parameters, name.data(), name.size());
}

}  // namespace

Client::Client(const ClientContext& context, const std::string& server_name,
               const std::string& expected_name, HandshakeTrace& trace)
    : state_(std::make_unique<State>(trace)) {
  state_->ssl.reset(SSL_new(context.state().context.get()));
  SSL* const ssl = state_->ssl.get();
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl);
  SSL_set_app_data(ssl, &state_->problems);
  SSL_set_verify(ssl, SSL_VERIFY_PEER, on_verify);
  if (!server_name.empty()) SSL_set_tlsext_host_name(ssl, server_name.c_str());
  if (!expected_name.empty()) expect_name(ssl, expected_name);
  SSL_set_msg_callback(
      ssl, [](int sent, int, int type, const void* octets, size_t size, SSL*, void* argument) {
        auto* const state = static_cast<State*>(argument);
        state->trace.add(sent == 1, type, {static_cast<const uint8_t*>(octets), size}, state->now);
      });
  SSL_set_msg_callback_arg(ssl, state_.get());
}

Client::~Client() = default;

void Client::resume(const ClientSession& session) {
  if (session) SSL_set_session(state_->ssl.get(), session.state()->session.get());
}

Client::Progress Client::advance(std::span<const uint8_t> received, std::chrono::microseconds at) {
  SSL* const ssl = state_->ssl.get();
  state_->now = at;
  const size_t room = kFirstOctets - state_->first_octets.size();
  const auto first = received.first(std::min(room, received.size()));
  state_->first_octets.append(first.begin(), first.end());
  if (!received.empty())
    BIO_write(SSL_get_rbio(ssl), received.data(), static_cast<int>(received.size()));
  if (state_->progress == Progress::failed) return Progress::failed;
  ERR_clear_error();
  char discarded[512];
  int result = SSL_do_handshake(ssl);
  // Tickets come with what is read; content nobody asked for is dropped.
  const bool shaken = result == 1;
  while (result > 0 && shaken) result = SSL_read(ssl, discarded, sizeof discarded);
  const int why = SSL_get_error(ssl, result);
  if (shaken) state_->progress = Progress::done;
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_ZERO_RETURN)
    return state_->progress;
  state_->error = take_error_text();
  return state_->progress = Progress::failed;
}

Client::Progress Client::end_of_input(std::chrono::microseconds at) {
  BIO_set_mem_eof_return(SSL_get_rbio(state_->ssl.get()), 0);
  return advance({}, at);
}

void Client::close(std::chrono::microseconds at) {
  state_->now = at;
  if (state_->progress == Progress::done) SSL_shutdown(state_->ssl.get());
  ERR_clear_error();
}

std::vector<uint8_t> Client::take_output() {
  char* data = nullptr;
  BIO* const bio = SSL_get_wbio(state_->ssl.get());
  const long size = BIO_get_mem_data(bio, &data);
  std::vector<uint8_t> octets(data, data + std::max(0L, size));
  BIO_reset(bio);
  return octets;
}

const std::string& Client::error() const noexcept { return state_->error; }
const std::string& Client::first_octets() const noexcept { return state_->first_octets; }

const std::vector<VerificationProblem>& Client::problems() const noexcept {
  return state_->problems;
}

bool Client::has_session() const {
  const SSL_SESSION* const session = SSL_get0_session(state_->ssl.get());
  return session != nullptr && SSL_SESSION_is_resumable(session) == 1;
}

ClientSession Client::session() const {
  if (!has_session()) return {};
  auto state = std::make_unique<ClientSession::State>();
  state->session.reset(SSL_get1_session(state_->ssl.get()));
  return ClientSession(std::move(state));
}

}  // namespace sluice::tls
