// What a configuration says about TLS, once it is read: certificates, listeners and sites.
#include "conf/reading/tls.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "conf/reader.h"
#include "tests/support/memory_files.h"

namespace sluice::conf {
namespace {

using std::chrono::hours;
using Files = std::map<std::string, std::string>;
using Strings = std::vector<std::string>;

const std::string kSecure = "[[listener]]\nname = \"secure\"\naddress = \":8443\"\n";
const std::string kClear = "[[listener]]\nname = \"clear\"\naddress = \":8080\"\n";
const std::string kCertificate =
    "[[certificate]]\nchain = \"certs/a.pem\"\nkey = \"certs/a.key\"\n";
const std::string kSite = "[[site]]\nroot = \"public\"\n";

Reading read_files(Files files) {
  for (const char* path : {"certs/a.pem", "certs/b.pem", "certs/c.pem", "certs/d.pem",
                           "certs/a.key", "certs/ca.pem", "sites/certs/b.pem"}) {
    files.emplace(std::string("/srv/") + path, "");
  }
  test::MemoryFiles memory(std::move(files), {"/srv/public", "/srv/certs"});
  return read_configuration(
      "/srv/sluice.toml", [](std::string_view) { return std::nullopt; }, memory);
}

// Reads one file that must be good.
Configuration read(const std::string& text) {
  const Reading reading = read_files({{"/srv/sluice.toml", text}});
  for (const Diagnostic& one : reading.diagnostics) ADD_FAILURE() << render(one, false);
  return reading.configuration ? *reading.configuration : Configuration();
}

// The codes of all that is found in one file.
Strings codes(const std::string& text) {
  Strings all;
  for (const Diagnostic& one : read_files({{"/srv/sluice.toml", text}}).diagnostics) {
    all.push_back(one.code);
  }
  return all;
}

// --- Listeners -----------------------------------------------------------------------------------

TEST(TlsKeys, ATrueIsAllDefaults) {
  const Configuration one = read(kSecure + "tls = true\n" + kCertificate + kSite);
  ASSERT_TRUE(one.listeners.at(0).tls);
  const Tls& tls = *one.listeners[0].tls;
  EXPECT_EQ(tls.policy, Tls::Policy::intermediate);
  EXPECT_FALSE(tls.refuse_unknown_names);
  EXPECT_FALSE(tls.trace_handshakes);
  EXPECT_TRUE(tls.ticket_keys.empty());
  EXPECT_EQ(tls.client_certificates, ClientCertificates());
}

TEST(TlsKeys, AnEmptyTableIsTrueAndFalseIsTheDefault) {
  EXPECT_TRUE(read(kSecure + "tls = {}\n" + kCertificate + kSite).listeners.at(0).tls);
  EXPECT_FALSE(read(kSecure + "tls = false\n" + kSite).listeners.at(0).tls);
  EXPECT_FALSE(read(kClear + kSite).listeners.at(0).tls);
  EXPECT_FALSE(read(kSite).listeners.at(0).tls);
}

TEST(TlsKeys, ATableSaysHow) {
  const Configuration one = read(kSecure + R"([listener.tls]
policy = "modern"
unknown_name = "refuse"
ticket_keys = ["/srv/certs/a.key", "certs/ca.pem"]
trace_handshakes = true
client_certificates = { mode = "request", authorities = "certs/ca.pem" }
)" + kCertificate + kSite);
  const Tls& tls = one.listeners.at(0).tls.value();
  EXPECT_EQ(tls.policy, Tls::Policy::modern);
  EXPECT_TRUE(tls.refuse_unknown_names);
  EXPECT_EQ(tls.ticket_keys, (Strings{"/srv/certs/a.key", "/srv/certs/ca.pem"}));
  EXPECT_TRUE(tls.trace_handshakes);
  EXPECT_EQ(tls.client_certificates.mode, ClientCertificates::Mode::request);
  EXPECT_EQ(tls.client_certificates.authorities, "/srv/certs/ca.pem");
  EXPECT_EQ(tls.client_certificates.origin, "/srv/sluice.toml:9");
}

TEST(TlsKeys, AUnixSocketMaySpeakTls) {
  const Configuration one =
      read("[[listener]]\naddress = \"unix:s.sock\"\ntls = true\n" + kCertificate + kSite);
  EXPECT_TRUE(one.listeners.at(0).tls);
}

TEST(TlsKeys, OnlyPortsForHttpsAreWarnedOfWithoutTls) {
  const auto warned = [](const std::string& address) {
    return codes("[[listener]]\naddress = \"" + address + "\"\n" + kSite);
  };
  for (const char* address : {":443", "127.0.0.1:8443", "[::1]:443"}) {
    EXPECT_EQ(warned(address), Strings{"clear-text-on-https-port"}) << address;
  }
  for (const char* address : {":80", ":8080", ":4430", ":0", "unix:/run/443"}) {
    EXPECT_EQ(warned(address), Strings()) << address;
  }
}

// --- Certificates --------------------------------------------------------------------------------

TEST(TlsKeys, ACertificateIsForAllListenersUnlessItSaysOtherwise) {
  const Configuration one = read(kSecure + "tls = true\n" + kClear + kCertificate + R"(
[[certificate]]
chain = "/srv/certs/ca.pem"
key = "certs/a.key"
listeners = "secure"
default = true
)" + kSite);
  ASSERT_EQ(one.certificates.size(), 2U);
  EXPECT_EQ(one.certificates[0].chain, "/srv/certs/a.pem");
  EXPECT_EQ(one.certificates[0].key, "/srv/certs/a.key");
  EXPECT_TRUE(one.certificates[0].listeners.empty());
  EXPECT_FALSE(one.certificates[0].is_default);
  EXPECT_EQ(one.certificates[0].origin, "/srv/sluice.toml:8");
  EXPECT_EQ(one.certificates[1].chain, "/srv/certs/ca.pem");
  EXPECT_EQ(one.certificates[1].listeners, Strings{"secure"});
  EXPECT_TRUE(one.certificates[1].is_default);
}

TEST(TlsKeys, AnIncludedFilesCertificateIsBesideIt) {
  const Reading reading = read_files(
      {{"/srv/sluice.toml", "include = \"sites/b.toml\"\n" + kSecure + "tls = true\n" + kSite},
       {"/srv/sites/b.toml", "[[certificate]]\nchain = \"certs/b.pem\"\nkey = \"certs/b.pem\"\n"}});
  ASSERT_TRUE(reading.configuration) << render(reading.diagnostics.at(0), false);
  EXPECT_TRUE(reading.diagnostics.empty());
  EXPECT_EQ(reading.configuration->certificates.at(0).chain, "/srv/sites/certs/b.pem");
  EXPECT_EQ(reading.configuration->certificates[0].key, "/srv/sites/certs/b.pem");
}

TEST(TlsKeys, TheSameChainMayServeListenersApart) {
  const std::string two = kSecure + "tls = true\n" + kClear + "tls = true\n" + kCertificate;
  const std::string again = "listeners = \"secure\"\n" + kCertificate + "listeners = ";
  EXPECT_EQ(codes(two + again + "[\"clear\"]\n" + kSite), Strings());
  EXPECT_EQ(codes(two + again + "[\"clear\", \"secure\"]\n" + kSite),
            Strings{"duplicate-certificate"});
}

TEST(TlsKeys, TwoDefaultsMayBeOfTwoKindsOfKeys) {
  std::string text = kSecure + "tls = true\n" + kSite;
  std::vector<Strings> found;
  for (const std::string name : {"a", "b", "c", "d"}) {
    text += "[[certificate]]\nchain = \"certs/" + name + ".pem\"\n";
    text += "key = \"certs/a.key\"\ndefault = true\n";
    found.push_back(codes(text));
  }
  const Strings none, one{"too-many-default-certificates"};
  EXPECT_EQ(found, (std::vector<Strings>{none, none, one, one}));
}

TEST(TlsKeys, WhatFollowsFromAMistakeIsNotSaid) {
  // The certificate that seems to be missing is the one with the wrong name.
  EXPECT_EQ(codes(kSecure + "tls = true\n" + kCertificate + "listeners = [\"secrue\"]\n" + kSite),
            Strings{"unknown-listener"});
  EXPECT_EQ(codes(kSecure + "tls = true\n[[certifcate]]\nchain = \"a\"\n" + kSite),
            Strings{"unknown-key"});
  // The listener that seems to speak no TLS is the one with the wrong key.
  EXPECT_EQ(codes(kSecure + "tsl = true\n" + kCertificate + "listeners = [\"secure\"]\n" + kSite +
                  "hsts = \"1d\"\nredirect_to_https = true\n"),
            Strings{"unknown-key"});
  EXPECT_EQ(codes(kSecure + "tls = 1\n" + kCertificate + kSite + "hsts = \"1d\"\n"),
            Strings{"wrong-type"});
  EXPECT_EQ(codes(kSecure + "tls = true\n" + kCertificate + kSite +
                  "listeners = [\"secrue\"]\nhsts = \"1d\"\n"),
            (Strings{"unused-listener", "unknown-listener"}));
}

// --- Sites ---------------------------------------------------------------------------------------

const std::string kBoth = kSecure + "tls = true\n" + kClear + kCertificate;

TEST(TlsKeys, ASiteSaysNothingByDefault) {
  const Site site = read(kBoth + kSite).sites.at(0);
  EXPECT_FALSE(site.redirect_to_https);
  EXPECT_FALSE(site.hsts);
  EXPECT_FALSE(site.client_certificates);
}

TEST(TlsKeys, HstsIsATimeOrATable) {
  const auto hsts = [](const std::string& value) {
    return read(kBoth + kSite + "hsts = " + value + "\n").sites.at(0).hsts.value();
  };
  EXPECT_EQ(hsts("\"30d\"").max_age, hours(24 * 30));
  EXPECT_FALSE(hsts("\"30d\"").subdomains || hsts("\"30d\"").preload);
  EXPECT_EQ(hsts("\"0s\"").max_age, hours(0));
  EXPECT_EQ(hsts("{}").max_age, hours(24 * 365));
  const Hsts all = hsts("{ max_age = \"730d\", subdomains = true, preload = true }");
  EXPECT_EQ(all.max_age, hours(24 * 730));
  EXPECT_TRUE(all.subdomains && all.preload);
}

TEST(TlsKeys, ASiteRedirectsAndAsksForCertificates) {
  const Site site = read(kBoth + kSite + R"(redirect_to_https = true
client_certificates = { mode = "require", authorities = "certs/ca.pem" }
)")
                        .sites.at(0);
  EXPECT_TRUE(site.redirect_to_https);
  ASSERT_TRUE(site.client_certificates);
  EXPECT_EQ(site.client_certificates->mode, ClientCertificates::Mode::require);
  EXPECT_EQ(site.client_certificates->authorities, "/srv/certs/ca.pem");
  EXPECT_EQ(site.client_certificates->origin, "/srv/sluice.toml:14");
}

TEST(TlsKeys, ASiteMayUndoWhatItsListenerAsksFor) {
  const Site site = read(kBoth + kSite + "client_certificates.mode = \"off\"\n").sites.at(0);
  ASSERT_TRUE(site.client_certificates);
  EXPECT_EQ(site.client_certificates->mode, ClientCertificates::Mode::off);
}

TEST(TlsKeys, WhatASiteSaysIsHeldAgainstItsListeners) {
  const auto found = [](const std::string& listeners, const std::string& key) {
    return codes(kBoth + kSite + "[[site]]\nhosts = \"a\"\nroot = \"public\"\nlisteners = [" +
                 listeners + "]\n" + key + "\n");
  };
  const std::string clients =
      "client_certificates = { mode = \"require\", authorities = \"certs/ca.pem\" }";
  for (const std::string& key :
       {std::string("redirect_to_https = true"), "hsts = \"1d\"" + std::string(), clients}) {
    EXPECT_EQ(found("\"clear\"", key), Strings{"site-without-tls"}) << key;
  }
  EXPECT_EQ(found("\"clear\"", "redirect_to_https = false"), Strings());
  EXPECT_EQ(found("\"secure\"", "redirect_to_https = true"),
            Strings{"https-redirect-without-clear-text"});
  EXPECT_EQ(found("\"secure\"", "hsts = \"1d\""), Strings());
  EXPECT_EQ(found("\"secure\"", clients), Strings());
  EXPECT_EQ(found("\"secure\", \"clear\"", clients), Strings{"client-certificates-in-clear-text"});
  EXPECT_EQ(found("\"secure\", \"clear\"", clients + "\nredirect_to_https = true"), Strings());
}

TEST(TlsKeys, HstsByHandIsTakenWhereNoKeySaysIt) {
  const std::string by_hand = "fields.set = { Strict-Transport-Security = \"max-age=1\" }\n";
  EXPECT_EQ(codes(kBoth + kSite + by_hand), Strings());
  EXPECT_EQ(codes(kSite + by_hand), Strings());  // behind a proxy that speaks TLS
  EXPECT_EQ(codes(kBoth + kSite + by_hand + "hsts = \"1d\"\n"), Strings{"hsts-beside-field"});
}

// --- Secrets -------------------------------------------------------------------------------------

TEST(TlsKeys, NoKeyLiesInAFolderThatIsServed) {
  const auto found = [](const std::string& key, const std::string& root) {
    test::MemoryFiles memory(
        {{"/srv/sluice.toml",
          kSecure + "tls = true\n[[certificate]]\nchain = \"certs/a.pem\"\nkey = \"" + key +
              "\"\n[[site]]\n[[site.route]]\nprefix = \"/a/\"\nfiles = \"" + root + "\"\n"},
         {"/srv/certs/a.pem", ""}},
        {});
    Strings all;
    for (const Diagnostic& one :
         read_configuration(
             "/srv/sluice.toml", [](std::string_view) { return std::nullopt; }, memory)
             .diagnostics) {
      if (one.severity == Diagnostic::Severity::error) all.push_back(one.code);
    }
    return all;
  };
  const Strings served{"secret-below-root"};
  EXPECT_EQ(found("public/a.key", "public"), served);
  EXPECT_EQ(found("public/deep/er/a.key", "public/"), served);
  EXPECT_EQ(found("certs/a.key", "."), served);
  EXPECT_EQ(found("certs/a.key", "/"), served);
  EXPECT_EQ(found("/srv/x/../public/a.key", "public"), served);
  EXPECT_EQ(found("public/.well-known/a.key", "public"), served);
  // Names that begin with a dot are not served.
  EXPECT_EQ(found("public/.certs/a.key", "public"), Strings());
  EXPECT_EQ(found("public/.a.key", "public"), Strings());
  EXPECT_EQ(found(".certs/a.key", ".certs"), served);
  EXPECT_EQ(found("publication/a.key", "public"), Strings());
  EXPECT_EQ(found("certs/a.key", "public"), Strings());
}

}  // namespace
}  // namespace sluice::conf
