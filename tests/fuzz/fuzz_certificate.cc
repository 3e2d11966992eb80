// Certificates and keys: the input is "t" and the text of a file for both, or another letter and
// certificates in DER (two octets of length before each), which are given in PEM with the key of
// RFC 8410's example. Whatever comes, it is a certificate or an error; and what is said of it has
// no octet that could end a line of a log.
#include <openssl/evp.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "tests/fuzz/feeding.h"
#include "tls/certificate.h"
#include "tls/certificate_names.h"
#include "tls/pem.h"

namespace sluice::tls {
namespace {

using fuzz::require;

constexpr int64_t kNow = 1800000000;  // when the seeds are valid
constexpr std::string_view kKey =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
    "-----END PRIVATE KEY-----\n";

std::string armoured(std::string_view der) {
  std::string base64(der.size() / 3 * 4 + 5, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()),
                                   reinterpret_cast<const unsigned char*>(der.data()),
                                   static_cast<int>(der.size()));
  base64.resize(static_cast<size_t>(size));
  std::string text = "-----BEGIN CERTIFICATE-----\n";
  for (size_t at = 0; at < base64.size(); at += 64) text += base64.substr(at, 64) + "\n";
  return text + "-----END CERTIFICATE-----\n";
}

std::string chain_of(std::string_view input) {
  std::string text;
  while (input.size() > 2) {
    const size_t announced =
        static_cast<unsigned char>(input[0]) * size_t{256} + static_cast<unsigned char>(input[1]);
    input.remove_prefix(2);
    const size_t size = std::min(announced, input.size());
    text += armoured(input.substr(0, size));
    input.remove_prefix(size);
  }
  return text;
}

bool is_printable(const std::string& text) {
  return std::ranges::all_of(text, [](char octet) { return octet >= ' ' && octet < 0x7f; });
}

void check(std::string_view chain, std::string_view key) {
  CertificateProblems problems;
  const auto made = Certificate::parse(chain, "chain.pem", key, "key.pem", kNow, problems);
  const bool refused = std::ranges::any_of(problems, &CertificateProblem::is_error);
  require((made == nullptr) == refused, "neither a certificate nor an error");
  for (const CertificateProblem& one : problems)
    require(!one.text.empty() && is_printable(one.text), "a text for no log", one.text);
  if (!made) return;
  require(made->not_before() <= kNow && kNow <= made->not_after(), "not valid");
  require(is_printable(made->subject()) && is_printable(made->issuer()), "a name for no log");
  for (const std::string& name : made->names())
    require(covers(name, name) && is_printable(name), "no name", name);
}

void check(std::string_view input) {
  if (input.empty()) return;
  if (input.front() == 't') {
    check(input.substr(1), input.substr(1));
    static_cast<void>(recognise_der(input.substr(1)));
  } else {
    check(chain_of(input.substr(1)), kKey);
  }
}

}  // namespace
}  // namespace sluice::tls

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sluice::tls::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
