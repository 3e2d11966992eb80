// Hosts to sites: exact, wildcard, default, unknown; by listener.
#include "server/http/site_table.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::http {
namespace {

conf::Site site(std::vector<std::string> hosts, std::vector<std::string> listeners = {},
                bool is_default = false) {
  return {.name = "",
          .hosts = std::move(hosts),
          .is_default = is_default,
          .listeners = std::move(listeners)};
}

conf::Configuration configuration(std::vector<conf::Site> sites, int unknown = 0) {
  conf::Configuration out;
  out.listeners = {{.name = "public"}, {.name = "inner"}};
  out.unknown_host.status = unknown;
  out.sites = std::move(sites);
  return out;
}

// The site's index, or minus the status.
int found(const SiteTable& table, std::string_view authority, size_t listener = 0) {
  const SiteTable::Choice choice = table.find(listener, authority);
  return choice.status != 0 ? -choice.status : static_cast<int>(choice.site);
}

TEST(SiteTable, ExactBeforeTheLongestWildcardBeforeTheDefault) {
  const SiteTable table(
      configuration({site({}, {}, true), site({"example.com"}), site({"*.example.com"}),
                     site({"*.b.example.com"}), site({"x.b.example.com", "[::1]"})}));
  EXPECT_EQ(found(table, "example.com"), 1);
  EXPECT_EQ(found(table, "a.example.com"), 2);
  EXPECT_EQ(found(table, "a.a.a.example.com"), 2);
  EXPECT_EQ(found(table, "b.example.com"), 2);  // not below *.b
  EXPECT_EQ(found(table, "c.b.example.com"), 3);
  EXPECT_EQ(found(table, "d.c.b.example.com"), 3);
  EXPECT_EQ(found(table, "x.b.example.com"), 4);
  EXPECT_EQ(found(table, "other.org"), 0);
  EXPECT_EQ(found(table, "badexample.com"), 0);
  EXPECT_EQ(found(table, ".example.com"), 0);  // no label, so not below it
}

// RFC 9110 section 4.2.3: hosts compare without case; the port says nothing about the site.
TEST(SiteTable, CaseAndPortAndTrailingDotDoNotMatter) {
  const SiteTable table(configuration(
      {site({}, {}, true), site({"example.com"}), site({"[::1]"}), site({"*.example.org"})}));
  for (std::string_view authority :
       {"EXAMPLE.com", "example.com:8080", "example.com:", "example.com.", "Example.Com.:80"}) {
    EXPECT_EQ(found(table, authority), 1) << authority;
  }
  EXPECT_EQ(found(table, "[::1]"), 2);
  EXPECT_EQ(found(table, "[::1]:8080"), 2);
  EXPECT_EQ(found(table, "[::2]:8080"), 0);
  EXPECT_EQ(found(table, "WWW.example.ORG.:1"), 3);
}

TEST(SiteTable, UnknownHostsGetWhatWasChosen) {
  const SiteTable table(configuration({site({"a.org"}, {}, true), site({"b.org"})}, 421));
  EXPECT_EQ(found(table, "a.org"), 0);
  EXPECT_EQ(found(table, "b.org"), 1);
  EXPECT_EQ(found(table, "c.org"), -421);
  EXPECT_EQ(found(table, ""), 0);  // HTTP/1.0 may name none
  EXPECT_EQ(found(SiteTable(configuration({site({}, {}, true)}, 404)), "c.org"), -404);
}

TEST(SiteTable, EachListenerHasItsSites) {
  const SiteTable table(
      configuration({site({"a.org"}, {"public"}, true), site({"b.org"}, {"inner"}), site({"c.org"}),
                     site({"a.org"}, {"inner"})}));
  EXPECT_EQ(found(table, "a.org"), 0);
  EXPECT_EQ(found(table, "a.org", 1), 3);
  EXPECT_EQ(found(table, "b.org"), 0);
  EXPECT_EQ(found(table, "b.org", 1), 1);
  EXPECT_EQ(found(table, "c.org", 1), 2);
  EXPECT_EQ(found(table, "d.org", 1), 1);  // the default site is not here: the first that is
  // Nothing is to be had there: RFC 9110 section 15.5.20.
  EXPECT_EQ(found(SiteTable(configuration({site({}, {"public"}, true)})), "a.org", 1), -421);
}

TEST(SiteTable, LongHostsAreUnknown) {
  const SiteTable table(configuration({site({}, {}, true), site({"*.example.com"})}));
  std::string host;
  while (host.size() < 8000) host += "a.";
  EXPECT_EQ(found(table, host + "example.com"), 0);
  EXPECT_EQ(found(table, host.substr(0, 240) + "example.com"), 1);
}

}  // namespace
}  // namespace sluice::http
