// Driving OpenSSL over lent memory.
//
// Why there is one BIO for all sessions of a worker: a BIO only points to where records are read
// from and written to, and that is lent for the length of a call.
#include "tls/session.h"

#include <openssl/err.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "tls/client_policy.h"
#include "tls/handshake_report.h"
#include "tls/identity.h"
#include "tls/listener_context.h"
#include "tls/openssl.h"
#include "tls/session_callbacks.h"
#include "tls/upstream_failure.h"
#include "tls/upstream_state.h"

namespace sluice::tls {

namespace {

SSL* as_ssl(void* ssl) noexcept { return static_cast<SSL*>(ssl); }

// OpenSSL keeps a queue of errors for each thread, and takes what lies in it for the reason of the
// next failure. Emptying it costs as much as a small record, to look at it next to nothing.
void forget_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

}  // namespace

// The BIO that sessions read from and write to.
struct Workspace::Io {
  explicit Io(Workspace& workspace) : bio(BIO_new(method())) {
    if (!bio) std::abort();  // memory is short before there is a connection
    BIO_set_data(bio.get(), &workspace);
    BIO_set_init(bio.get(), 1);
  }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* const fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lent");
      if (fresh == nullptr) std::abort();
      BIO_meth_set_read_ex(fresh, read);
      BIO_meth_set_write_ex(fresh, write);
      BIO_meth_set_ctrl(fresh, control);
      return fresh;
    }();
    return made;
  }
  static Workspace& workspace_of(BIO* bio) { return *static_cast<Workspace*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* room, size_t size, size_t* taken) {
    std::string_view& input = workspace_of(bio).input_;
    BIO_clear_retry_flags(bio);
    *taken = std::min(size, input.size());
    if (*taken == 0) {
      BIO_set_retry_read(bio);
      return 0;
    }
    std::memcpy(room, input.data(), *taken);
    input.remove_prefix(*taken);
    return 1;
  }

  // What does not fit is an error: output is bounded by what is asked of a session in one call.
  static int write(BIO* bio, const char* octets, size_t size, size_t* written) {
    Workspace& workspace = workspace_of(bio);
    BIO_clear_retry_flags(bio);
    *written = 0;
    if (size > kOutput - workspace.output_size_) return 0;
    std::memcpy(workspace.output_.get() + workspace.output_size_, octets, size);
    workspace.output_size_ += size;
    *written = size;
    return 1;
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  const BioPointer bio;
};

Workspace::Workspace(uint64_t key_updates)
    : key_updates_(key_updates),
      memory_(new char[kRecords + kGathered]),
      records_(memory_.get(), kRecords),
      plain_(memory_.get() + kRecords, kGathered),
      output_(new char[kOutput]),
      io_(std::make_unique<Io>(*this)) {}

Workspace::~Workspace() = default;

// Lends records for a call, and gives back what was not used.
class Session::Lending {
 public:
  Lending(Workspace& workspace, std::string_view& records)
      : workspace_(workspace), records_(records) {
    workspace_.input_ = records;
    forget_errors();
  }
  ~Lending() {
    records_ = workspace_.input_;
    workspace_.input_ = {};
  }
  Lending(const Lending&) = delete;
  Lending& operator=(const Lending&) = delete;

 private:
  Workspace& workspace_;
  std::string_view& records_;
};

void Session::FreeSsl::operator()(void* ssl) const noexcept { SSL_free(as_ssl(ssl)); }

Session::Session(Workspace& workspace, const ListenerContext& context)
    : workspace_(workspace),
      context_(&context),
      ssl_(SSL_new(context.fallback().identity->context())),
      choice_(&context.fallback()),
      report_(std::make_unique<HandshakeReport>()) {
  if (!ssl_) {
    failed_ = true;
    return;
  }
  lend_workspace();
  SSL_set_accept_state(as_ssl(ssl_.get()));
  if (context.traces_handshakes()) report_->trace = std::make_unique<HandshakeTrace>(Role::server);
}

Session::Session(Workspace& workspace, const UpstreamContext& context)
    : workspace_(workspace), upstream_(&context), ssl_(SSL_new(context.state().context.get())) {
  SSL* const ssl = as_ssl(ssl_.get());
  UpstreamContext::State& state = context.state();
  if (!ssl_ || (!state.server_name.empty() &&
                SSL_set_tlsext_host_name(ssl, state.server_name.c_str()) != 1)) {
    fail_as_client({"proxy_internal_error", "memory is short for TLS with the upstream"});
    return;
  }
  lend_workspace();
  SSL_set_connect_state(ssl);
  const SslSessionPointer kept = state.sessions.take();
  if (kept) SSL_set_session(ssl, kept.get());
  forget_errors();
}

// OpenSSL takes a session that ends without close_notify for one that nobody may go on with, and
// says so in the very object that the context keeps. Such ends are told apart by the HTTP versions
// here, as RFC 8446 section 6.1 has it; only what failed is not resumed.
Session::~Session() {
  if (upstream_ == nullptr || !ssl_ || failed_) return;
  SSL_set_shutdown(as_ssl(ssl_.get()), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void Session::lend_workspace() {
  SSL* const ssl = as_ssl(ssl_.get());
  BIO* const bio = workspace_.io_->bio.get();
  BIO_up_ref(bio);
  SSL_set_bio(ssl, bio, bio);
  SessionCallbacks::attach(*ssl, *this);
}

Session::Status Session::handshake(std::string_view& records, std::chrono::microseconds at) {
  assert(!established_);
  if (failed_) return Status::failed;
  if (upstream_ != nullptr) {
    const Status status = take_step(records);
    return status == Status::done ? conclude_as_client() : status;
  }
  HandshakeReport& report = *report_;
  // All that was lent before was used up, so that these follow on those.
  report.first_octets +=
      records.substr(0, HandshakeReport::kFirstOctets - report.first_octets.size());
  // RFC 8446 section 5.1: the first octet of a record is its type, and no type is a letter.
  if (report.received == 0 && !records.empty() && records[0] >= 'A' && records[0] <= 'Z')
    return Status::clear_text;
  at_ = at;
  const size_t before = records.size();
  const Status status = take_step(records);
  report.received += before - records.size();
  return status == Status::done ? conclude_handshake() : status;
}

Session::Status Session::take_step(std::string_view& records) {
  const Lending lending(workspace_, records);
  const int result = SSL_do_handshake(as_ssl(ssl_.get()));
  Status status = result == 1 ? Status::done : status_of(result);
  if (upstream_ != nullptr) {
    if (status == Status::closed) {
      status = fail_as_client(
          {"connection_terminated", "upstream closed the connection within the TLS handshake"});
    }
  } else if (status == Status::failed) {
    note_failure();
  }
  forget_errors();
  return status;
}

Session::Status Session::conclude_handshake() {
  established_ = true;
  SSL* const ssl = as_ssl(ssl_.get());
  if (const X509* const certificate = SSL_get0_peer_certificate(ssl)) {
    const BioPointer text(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    char* octets = nullptr;
    const long size = BIO_get_mem_data(text.get(), &octets);
    client_subject_ = std::make_unique<const std::string>(octets, static_cast<size_t>(size));
  }
  return Status::done;
}

// Not every OpenSSL looks at whether what the upstream chose was offered; none minds when it chose
// nothing.
Session::Status Session::conclude_as_client() {
  using Http2 = conf::UpstreamTarget::Http2;
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(as_ssl(ssl_.get()), &chosen, &size);
  const std::string_view protocol(reinterpret_cast<const char*>(chosen), size);
  const Http2 wanted = upstream_->state().http2;
  const bool is_http2 = protocol == "h2" && wanted != Http2::never;
  const bool is_http1 = (protocol.empty() || protocol == "http/1.1") && wanted != Http2::always;
  if (!is_http2 && !is_http1) {
    return fail_as_client(
        {"tls_protocol_error", protocol.empty()
                                   ? "upstream does not agree to HTTP/2 (ALPN)"
                                   : "upstream chose a protocol that was not offered (ALPN)"});
  }
  speaks_http2_ = is_http2;
  established_ = true;
  return Status::done;
}

Session::Status Session::fail_as_client(const SessionFailure& failure) noexcept {
  failed_ = true;
  failure_ = failure;
  return Status::failed;
}

SessionFailure Session::failure() const noexcept {
  if (upstream_ == nullptr || !flooded()) return failure_;
  return {"tls_protocol_error", "upstream changes its TLS keys without end"};
}

// What an SSL_ function's failure means. The error queue is this call's.
Session::Status Session::status_of(int result) noexcept {
  switch (SSL_get_error(as_ssl(ssl_.get()), result)) {
    case SSL_ERROR_WANT_READ:
      return Status::wants_records;
    case SSL_ERROR_ZERO_RETURN:
      return Status::closed;
    default:
      if (upstream_ != nullptr)
        return fail_as_client(explain_upstream_failure(*as_ssl(ssl_.get())));
      failed_ = true;
      return Status::failed;
  }
}

void Session::note_failure() {
  report_->error = ERR_peek_error();
  // What lies below, a cipher or a decoder, fails before, and says less.
  for (unsigned long error = report_->error; error != 0; error = ERR_get_error()) {
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) continue;
    report_->error = error;
    break;
  }
  const auto verification = SSL_get_verify_result(as_ssl(ssl_.get()));
  report_->verification = static_cast<int>(verification);
}

Session::Plain Session::read(std::string_view& records, std::span<char> room) {
  assert(established_ && !room.empty());
  if (failed_) return {Status::failed, 0};
  const Lending lending(workspace_, records);
  size_t total = 0;
  while (total < room.size()) {
    size_t octets = 0;
    const int result =
        SSL_read_ex(as_ssl(ssl_.get()), room.data() + total, room.size() - total, &octets);
    // A client changes its keys once in 2^24 records (RFC 8446 section 5.5), and has no other
    // reason to speak of handshakes after one. There is no alert for it.
    if (late_messages_ > workspace_.key_updates_) failed_ = true;
    if (result != 1 || failed_) {
      const Status status = failed_ ? Status::failed : status_of(result);
      forget_errors();
      return {status, total};
    }
    total += octets;
    // To ask OpenSSL costs more than to know.
    if (workspace_.input_.empty() && !pending()) return {Status::wants_records, total};
  }
  return {Status::done, total};
}

bool Session::pending() const noexcept {
  return established_ && !failed_ && SSL_pending(as_ssl(ssl_.get())) > 0;
}

bool Session::write(std::string_view plain) {
  assert(established_ && workspace_.takes_record());
  assert(!plain.empty() && plain.size() <= Workspace::kRecord);
  if (failed_) return false;
  forget_errors();
  size_t written = 0;
  const bool sealed = SSL_write_ex(as_ssl(ssl_.get()), plain.data(), plain.size(), &written) == 1 &&
                      written == plain.size();
  if (sealed) return true;
  failed_ = true;
  forget_errors();
  return false;
}

void Session::close() {
  if (!established_ || failed_ || std::exchange(closing_, true)) return;
  forget_errors();
  SSL_shutdown(as_ssl(ssl_.get()));
  forget_errors();
}

void Session::note_message(bool is_ours, int content_type, std::span<const uint8_t> message) {
  if (established_) {
    // OpenSSL tells of no renegotiation that it refuses, only of its answer (TLS 1.2).
    const bool refuses = is_ours && content_type == SSL3_RT_ALERT && message.size() == 2 &&
                         message[1] == SSL_AD_NO_RENEGOTIATION;
    if (refuses || (!is_ours && content_type == SSL3_RT_HANDSHAKE)) ++late_messages_;
    return;
  }
  if (!report_) return;
  HandshakeReport& report = *report_;
  if (report.trace) report.trace->add(is_ours, content_type, message, at_);
  if (content_type == SSL3_RT_ALERT && message.size() == 2 && message[0] == SSL3_AL_FATAL)
    (is_ours ? report.alert_sent : report.alert_received) = message[1];
  if (content_type != SSL3_RT_HANDSHAKE || message.empty()) return;
  (is_ours ? report.last_sent : report.last_message) = message[0];
  if (is_ours || message[0] != SSL3_MT_CLIENT_HELLO) return;
  report.hello_came = true;
  report.hello = parse_client_hello(message);
}

void Session::forget_handshake() noexcept {
  if (established_) report_.reset();
}

std::string_view Session::protocol() const noexcept { return SSL_get_version(as_ssl(ssl_.get())); }

std::string_view Session::suite() const noexcept {
  const SSL_CIPHER* const cipher = SSL_get_current_cipher(as_ssl(ssl_.get()));
  const char* const name = cipher != nullptr ? SSL_CIPHER_standard_name(cipher) : nullptr;
  return name != nullptr ? name : "";
}

bool Session::resumed() const noexcept { return SSL_session_reused(as_ssl(ssl_.get())) == 1; }

}  // namespace sluice::tls
