// The hosts file: its lines, and that a change is seen.
#include "server/net/hosts_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "unit/server/net/dns_server.h"

namespace sluice::net {
namespace {

std::vector<std::string> entries(std::string_view text, std::string_view name) {
  std::vector<std::string> made;
  for (const SocketAddress& address : hosts_entries(text, name)) made.push_back(address.text());
  return made;
}

TEST(HostsFile, LinesAreReadAsInHosts5) {
  constexpr std::string_view kText =
      "# 192.0.2.9 app\r\n"
      "192.0.2.1\tapp app.test # and 192.0.2.8 too\r\n"
      "  2001:db8::1   APP.\n"
      "192.0.2.1 app\n"
      "192.0.2.300 app\n"
      "not-an-address app\n"
      "192.0.2.7\n"
      "\n"
      "192.0.2.2 apple xapp app";
  EXPECT_EQ(entries(kText, "app"),
            (std::vector<std::string>{"192.0.2.1:0", "[2001:db8::1]:0", "192.0.2.2:0"}));
  EXPECT_EQ(entries(kText, "app.test"), std::vector<std::string>{"192.0.2.1:0"});
  EXPECT_TRUE(entries(kText, "192.0.2.7").empty()) << "an address names nothing";
  EXPECT_TRUE(entries("", "app").empty());
}

TEST(HostsFile, AChangeIsSeenAtTheNextQuestion) {
  const DnsServer server;
  const DnsFiles files(server);
  files.write_hosts("192.0.2.1 app\n");
  HostsFile hosts(files.hosts_file());
  ASSERT_EQ(hosts.addresses("App.").size(), 1u);
  EXPECT_EQ(hosts.addresses("app")[0].text(), "192.0.2.1:0");
  EXPECT_TRUE(hosts.addresses("other").empty());
  files.write_hosts("192.0.2.2 app\n");  // of the same size: a file of its own
  EXPECT_EQ(hosts.addresses("app")[0].text(), "192.0.2.2:0");
}

TEST(HostsFile, LocalhostIsThisMachineUnlessTheFileSaysOtherwise) {
  HostsFile none("/nowhere/hosts");
  EXPECT_TRUE(none.addresses("app").empty());
  EXPECT_EQ(none.addresses("localhost").size(), 2u);
  EXPECT_EQ(none.addresses("app.localhost.")[0].text(), "[::1]:0");
  const DnsServer server;
  const DnsFiles files(server);
  files.write_hosts("127.0.0.5 localhost\n");
  HostsFile some(files.hosts_file());
  ASSERT_EQ(some.addresses("localhost").size(), 1u);
  EXPECT_EQ(some.addresses("localhost")[0].text(), "127.0.0.5:0");
}

}  // namespace
}  // namespace sluice::net
