// Options to OpenSSL's settings. Suites are the difficult part: TLS 1.3's are set by another
// function than the others', and a choice for one version leaves the other version's as they were.
#include <openssl/err.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "tls/client_state.h"
#include "tls/error_text.h"

namespace sluice::tls {
namespace {

struct SuiteLists {
  std::string tls12;  // as SSL_CTX_set_cipher_list wants them
  std::string tls13;  // as SSL_CTX_set_ciphersuites wants them
};

void append(std::string& list, std::string_view name) {
  if (!list.empty()) list += ':';
  list += name;
}

// Sorts one name into its list; an error, or empty.
std::string sort_in(std::string_view name, SuiteLists& lists) {
  const std::optional<uint16_t> suite = suite_by_name(name);
  if (!suite) {
    append(lists.tls12, name);  // OpenSSL's own name, which it judges itself
    return {};
  }
  if (key_exchange_of(*suite) == KeyExchange::tls13) {
    append(lists.tls13, name);
    return {};
  }
  const std::string_view own = OPENSSL_cipher_name(std::string(name).c_str());
  if (own == "(NONE)") return "this OpenSSL was built without " + std::string(name);
  append(lists.tls12, own);
  return {};
}

std::string sort_names(std::string_view names, SuiteLists& lists) {
  while (!names.empty()) {
    const size_t end = std::min(names.find_first_of(":, "), names.size());
    if (end > 0) {
      if (std::string error = sort_in(names.substr(0, end), lists); !error.empty()) return error;
    }
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return {};
}

// Whether a handshake could use any suite of TLS 1.2 as things are: the security level leaves out
// what is weak only then.
bool has_usable_suite(SSL_CTX* context) {
  const SslPointer ssl(SSL_new(context));
  STACK_OF(SSL_CIPHER)* const suites = SSL_get1_supported_ciphers(ssl.get());
  bool found = false;
  for (int i = 0; i < sk_SSL_CIPHER_num(suites); ++i) {
    const uint16_t suite = SSL_CIPHER_get_protocol_id(sk_SSL_CIPHER_value(suites, i));
    found = found || key_exchange_of(suite) != KeyExchange::tls13;
  }
  sk_SSL_CIPHER_free(suites);
  return found;
}

bool set_versions(SSL_CTX* context, uint16_t oldest, uint16_t newest) {
  return SSL_CTX_set_min_proto_version(context, oldest) == 1 &&
         SSL_CTX_set_max_proto_version(context, newest) == 1;
}

// An error, or empty.
std::string apply_suites(const ClientOptions& options, ClientContext::State& state) {
  SSL_CTX* const context = state.context.get();
  SuiteLists lists;
  if (std::string error = sort_names(options.suites, lists); !error.empty()) return error;
  const uint16_t oldest =
      lists.tls12.empty() && !lists.tls13.empty() ? kTls13 : options.oldest_version;
  const uint16_t newest =
      lists.tls13.empty() && !lists.tls12.empty() ? kTls12 : options.newest_version;
  if (std::max(oldest, options.oldest_version) > std::min(newest, options.newest_version)) {
    return options.suites + " is of " + version_name(lists.tls12.empty() ? kTls13 : kTls12) +
           ", which is not the version asked for";
  }
  const bool known12 =
      lists.tls12.empty() || SSL_CTX_set_cipher_list(context, lists.tls12.c_str()) == 1;
  const bool known13 =
      lists.tls13.empty() || SSL_CTX_set_ciphersuites(context, lists.tls13.c_str()) == 1;
  if (!known12 || !known13) {
    ERR_clear_error();
    return "OpenSSL knows no cipher suite " + (known12 ? lists.tls13 : lists.tls12) +
           ": `openssl ciphers -stdname ALL` lists them";
  }
  if (!set_versions(context, std::max(oldest, options.oldest_version),
                    std::min(newest, options.newest_version)))
    return "the versions cannot be set: " + take_error_text();
  if (!lists.tls12.empty() && !has_usable_suite(context)) {
    SSL_CTX_set_security_level(context, 0);
    state.lowered_security = true;
  }
  return {};
}

std::string apply_authorities(const std::string& file, SSL_CTX* context) {
  if (file.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    ERR_clear_error();  // where there are none, nothing is trusted: that is said of the certificate
    return {};
  }
  if (SSL_CTX_load_verify_file(context, file.c_str()) == 1) return {};
  return "no certificates in " + file + " (" + take_error_text() + "); a PEM file is expected";
}

std::string apply_alpn(const std::vector<std::string>& protocols, SSL_CTX* context) {
  std::vector<uint8_t> wire;
  for (const std::string& name : protocols) {
    if (name.empty() || name.size() > 255) return "an ALPN name has 1 to 255 octets";
    wire.push_back(static_cast<uint8_t>(name.size()));
    wire.insert(wire.end(), name.begin(), name.end());
  }
  if (wire.empty()) return {};
  const bool failed =
      SSL_CTX_set_alpn_protos(context, wire.data(), static_cast<unsigned>(wire.size())) != 0;
  return failed ? "the ALPN names cannot be set: " + take_error_text() : std::string();
}

// One write a line: several processes may append to one file.
void log_keys(const SSL* ssl, const char* line) {
  const auto* const state =
      static_cast<const ClientContext::State*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  const std::string text = std::string(line) + "\n";
  // Keys that are not logged are no reason to break off.
  [[maybe_unused]] const ssize_t written = ::write(state->key_log, text.data(), text.size());
}

}  // namespace

std::unique_ptr<ClientContext> ClientContext::make(const ClientOptions& options,
                                                   std::string& error) {
  auto state = std::make_unique<State>();
  state->context.reset(SSL_CTX_new(TLS_client_method()));
  state->key_log = options.key_log;
  SSL_CTX* const context = state->context.get();
  if (context == nullptr) {
    error = "OpenSSL gives no context: " + take_error_text();
    return nullptr;
  }
  error = apply_suites(options, *state);
  if (error.empty()) error = apply_authorities(options.authorities, context);
  if (error.empty()) error = apply_alpn(options.alpn, context);
  if (!error.empty()) return nullptr;
  SSL_CTX_set_app_data(context, state.get());
  if (options.key_log >= 0) SSL_CTX_set_keylog_callback(context, log_keys);
  return std::make_unique<ClientContext>(std::move(state));
}

ClientContext::ClientContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
ClientContext::~ClientContext() = default;
bool ClientContext::lowered_security() const noexcept { return state_->lowered_security; }

ClientSession::ClientSession() = default;
ClientSession::ClientSession(std::unique_ptr<State> state) : state_(std::move(state)) {}
ClientSession::ClientSession(ClientSession&&) noexcept = default;
ClientSession& ClientSession::operator=(ClientSession&&) noexcept = default;
ClientSession::~ClientSession() = default;

}  // namespace sluice::tls
