// What lies in the folder decides what is done. An authority that somebody may already trust is
// never thrown away without a word; a server's certificate is, for it can be made again.
#include "tls/authority.h"

#include <openssl/crypto.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include "tls/authority_signing.h"
#include "tls/certificate.h"
#include "tls/certificate_facts.h"
#include "tls/private_folder.h"

namespace sluice::tls {

namespace {

constexpr std::string_view kAuthorityFile = "ca.pem";
constexpr std::string_view kAuthorityKeyFile = "ca-key.pem";
constexpr std::string_view kServerFile = "localhost.pem";
constexpr size_t kNames = 100;  // more are not collected
constexpr int64_t kLeft = int64_t{30} * 86400;

std::string lower(std::string name) {
  for (char& octet : name)
    if (octet >= 'A' && octet <= 'Z') octet = static_cast<char>(octet + ('a' - 'A'));
  return name;
}

// One spelling of each: certificates give addresses back in theirs.
std::string normal(std::string name) {
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  if (name.ends_with('.')) name.pop_back();
  return is_address(name) ? normal_address(name) : lower(std::move(name));
}

bool is_for_nobody(const std::string& name) {
  return name.empty() || name == "*" || name == "0.0.0.0" || name == "::";
}

std::vector<std::string> wanted_names(const std::vector<std::string>& more) {
  std::vector<std::string> names = {"localhost", "*.localhost", "127.0.0.1", "::1"};
  for (const std::string& one : more) {
    std::string name = normal(one);
    if (!is_for_nobody(name) && std::ranges::find(names, name) == names.end())
      names.push_back(std::move(name));
  }
  return names;
}

std::string own_name() {
  const std::vector<std::string> names = machine_names();
  return "Sluice development authority" + (names.empty() ? "" : " of " + names.front());
}

// One call of prepare_development_certificate(), which holds the folder.
class Preparation {
 public:
  Preparation(const PrivateFolder& folder, const std::vector<std::string>& names, int64_t now,
              std::string& error)
      : folder_(folder), wanted_(wanted_names(names)), now_(now), error_(error) {
    files_.chain = files_.key = folder.path(kServerFile);
    files_.authority = folder.path(kAuthorityFile);
  }

  std::optional<DevelopmentFiles> run() {
    if (!read_authority()) return std::nullopt;
    if (!authority_ && !make_authority()) return std::nullopt;
    for (const std::string& name : wanted_)
      (authority_->permits(name) ? files_.names : files_.left_out).push_back(name);
    bool usable = false;
    if (!read_certificate(usable)) return std::nullopt;
    if (!usable && !make_certificate()) return std::nullopt;
    return std::move(files_);
  }

 private:
  bool read_authority();
  bool make_authority();
  bool read_certificate(bool& usable);
  void keep_names(const std::vector<std::string>& names);
  bool make_certificate();
  [[nodiscard]] bool is_usable(const Certificate& certificate) const;
  std::unique_ptr<SigningAuthority> read_authority_with_key();

  // What to do about an authority that cannot be used.
  [[nodiscard]] std::string start_over() const {
    return ": remove " + files_.authority + ", and it will be made anew (and must be trusted anew)";
  }

  const PrivateFolder& folder_;
  const std::vector<std::string> wanted_;
  const int64_t now_;
  std::string& error_;
  std::unique_ptr<SigningAuthority> authority_;
  DevelopmentFiles files_;
};

// Leaves it null when there is none, or too little is left of it.
bool Preparation::read_authority() {
  std::string text;
  const PrivateFolder::Reading reading = folder_.read(kAuthorityFile, false, text, error_);
  if (reading == PrivateFolder::Reading::failed) return false;
  if (reading == PrivateFolder::Reading::missing) return true;
  std::string why;
  authority_ = SigningAuthority::read(text, {}, why);
  if (!authority_) {
    error_ = files_.authority + " " + why + start_over();
    return false;
  }
  if (authority_->not_after() - now_ < kLeft) authority_ = nullptr;
  return true;
}

// The key first: ca.pem is what makes the two an authority, so that one without the other is only
// left when somebody removed it.
bool Preparation::make_authority() {
  authority_ = SigningAuthority::make(own_name(), wanted_, now_, error_);
  if (!authority_ || !folder_.write(kAuthorityKeyFile, authority_->pair().key, error_) ||
      !folder_.write(kAuthorityFile, authority_->pair().certificate, error_))
    return false;
  files_.made_authority = true;
  return true;
}

bool Preparation::is_usable(const Certificate& certificate) const {
  const auto has = [&](const std::string& name) {
    const std::vector<std::string>& names =
        is_address(name) ? certificate.addresses() : certificate.names();
    return std::ranges::find(names, name) != names.end();
  };
  return certificate.not_after() - now_ >= kLeft && authority_->has_issued(certificate) &&
         std::ranges::all_of(files_.names, has);
}

// What another server asked for stays in, so that two of them do not take turns in renewing it.
void Preparation::keep_names(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (files_.names.size() < kNames && authority_->permits(name) &&
        std::ranges::find(files_.names, name) == files_.names.end())
      files_.names.push_back(name);
}

bool Preparation::read_certificate(bool& usable) {
  std::string text;
  const PrivateFolder::Reading reading = folder_.read(kServerFile, true, text, error_);
  if (reading == PrivateFolder::Reading::whole) {
    CertificateProblems problems;
    const std::shared_ptr<const Certificate> certificate =
        Certificate::parse(text, files_.chain, text, files_.key, now_, problems);
    usable = certificate && is_usable(*certificate);
    if (certificate) {
      keep_names(certificate->names());
      keep_names(certificate->addresses());
    }
  }
  OPENSSL_cleanse(text.data(), text.size());
  return reading != PrivateFolder::Reading::failed;
}

std::unique_ptr<SigningAuthority> Preparation::read_authority_with_key() {
  std::string key;
  const std::string path = folder_.path(kAuthorityKeyFile);
  const PrivateFolder::Reading reading = folder_.read(kAuthorityKeyFile, true, key, error_);
  if (reading == PrivateFolder::Reading::failed) return nullptr;
  if (reading == PrivateFolder::Reading::missing || key.empty()) {
    error_ = path + ", the authority's key, is missing, and without it no certificate can be made" +
             start_over();
    return nullptr;
  }
  std::string why;
  auto authority = SigningAuthority::read(authority_->pair().certificate, key, why);
  if (!authority) error_ = files_.authority + " " + why + " (" + path + ")" + start_over();
  OPENSSL_cleanse(key.data(), key.size());
  return authority;
}

bool Preparation::make_certificate() {
  if (!files_.made_authority) authority_ = read_authority_with_key();
  if (!authority_) return false;
  const std::unique_ptr<SignedPair> made = authority_->issue(files_.names, now_, error_);
  if (!made) return false;
  std::string both = made->certificate + made->key;
  files_.made_certificate = folder_.write(kServerFile, both, error_);
  OPENSSL_cleanse(both.data(), both.size());
  OPENSSL_cleanse(made->key.data(), made->key.size());
  return files_.made_certificate;
}

// What the authority may sign for, as far as this is known from the certificate's names.
std::string reach_of(const std::vector<std::string>& names) {
  std::string list = "localhost and what lies below it, loopback addresses";
  for (const std::string& name : names)
    if (name != "localhost" && !name.ends_with(".localhost") && name != "::1" &&
        !name.starts_with("127."))
      list += ", " + name;
  return list;
}

}  // namespace

std::string development_folder(const std::string& data_home, const std::string& home) {
  if (data_home.starts_with('/')) return data_home + "/sluice/tls";
  return home.starts_with('/') ? home + "/.local/share/sluice/tls" : std::string();
}

std::vector<std::string> machine_names() {
  std::array<char, 256> room{};
  if (::gethostname(room.data(), room.size() - 1) != 0) return {};
  std::string name = lower(room.data());
  if (name == "localhost" || !is_dns_name(name)) return {};
  if (name.find('.') == std::string::npos) name += ".local";
  return {name};
}

std::optional<DevelopmentFiles> prepare_development_certificate(
    const std::string& folder, const std::vector<std::string>& names, int64_t now,
    std::string& error) {
  if (folder.empty()) {
    error =
        "neither XDG_DATA_HOME nor HOME says where to keep the development authority: set one of "
        "them to a folder that this user may write to";
    return std::nullopt;
  }
  const std::unique_ptr<PrivateFolder> opened = PrivateFolder::open(folder, error);
  if (!opened) return std::nullopt;
  return Preparation(*opened, names, now, error).run();
}

std::vector<std::string> how_to_trust(const DevelopmentFiles& files) {
  const std::string path = shell_word(files.authority);
  return {
      "The development authority can vouch for nothing but " + reach_of(files.names) +
          ". To trust it:",
      "  curl            curl --cacert " + path + " https://localhost:...",
      "  Node.js         NODE_EXTRA_CA_CERTS=" + path,
      "  Debian, Ubuntu  sudo cp " + path +
          " /usr/local/share/ca-certificates/sluice-development.crt && sudo update-ca-certificates",
      "  Fedora          sudo cp " + path +
          " /etc/pki/ca-trust/source/anchors/sluice-development.pem && sudo update-ca-trust",
      "  macOS           security add-trusted-cert -r trustRoot -k "
      "~/Library/Keychains/login.keychain-db " +
          path,
      "  Chromium        certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n sluice-development -i " +
          path + "  (Debian: libnss3-tools)",
      "  Firefox         Settings, Privacy & Security, View Certificates, Authorities, Import: " +
          files.authority,
  };
}

}  // namespace sluice::tls
