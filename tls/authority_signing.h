// An authority that signs servers' certificates, for development on one machine.
//
// Whoever gets hold of its key could pose as any server to whoever trusts it, were it not for its
// name constraints (RFC 5280 section 4.2.1.10): it can sign for no names but localhost, what lies
// below it, loopback addresses, and what was named when it was made; for servers only; and for no
// other authority.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace sluice::tls {

class Certificate;

// In PEM.
struct SignedPair {
  std::string certificate;
  std::string key;  // PKCS#8
};

class SigningAuthority {
 public:
  // Makes one, valid for ten years from `now` (seconds since 1970), that may also sign for `names`
  // (host names with those below them, and addresses). A name of one label is passed over: it may
  // be a top-level domain, now or in ten years. Null when OpenSSL cannot (`error`).
  [[nodiscard]] static std::unique_ptr<SigningAuthority> make(const std::string& common_name,
                                                              const std::vector<std::string>& names,
                                                              int64_t now, std::string& error);
  // Reads one; without `key` it can be asked but cannot sign. Null when either is damaged, it is no
  // authority, or they do not belong together.
  [[nodiscard]] static std::unique_ptr<SigningAuthority> read(const std::string& certificate,
                                                              const std::string& key,
                                                              std::string& error);
  ~SigningAuthority();
  SigningAuthority(const SigningAuthority&) = delete;
  SigningAuthority& operator=(const SigningAuthority&) = delete;

  [[nodiscard]] const SignedPair& pair() const;
  [[nodiscard]] int64_t not_after() const;
  // Whether clients take a certificate for `name` (a host name, also "*.localhost", or an address)
  // from it.
  [[nodiscard]] bool permits(const std::string& name) const;
  [[nodiscard]] bool has_issued(const Certificate& certificate) const;
  // A server's certificate for `names`, which it must permit, and its new key; for at most 397
  // days. Nothing when OpenSSL cannot (`error`). Requires a key.
  [[nodiscard]] std::unique_ptr<SignedPair> issue(const std::vector<std::string>& names,
                                                  int64_t now, std::string& error) const;

 private:
  struct Parts;
  static std::string complaint_of(const Parts& parts);
  explicit SigningAuthority(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

// Whether `name` is an address as text, of either version.
[[nodiscard]] bool is_address(const std::string& name);
// "::1" for "0:0::1": the spelling in which certificates are read. Requires an address.
[[nodiscard]] std::string normal_address(const std::string& address);

}  // namespace sluice::tls
