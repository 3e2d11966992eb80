// A name server for the tests of the resolver: answers from a table that a test changes while it
// runs, over UDP and TCP on one free port of 127.0.0.1; and the files that lead to it.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/net/dns_message.h"
#include "unit/server/net/sockets.h"

namespace sluice::net {

// What the server does when it is asked.
struct DnsReply {
  uint8_t code = 0;                  // 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED
  std::vector<std::string> records;  // RDATA
  uint32_t ttl = 600;                // as Docker's
  bool silent = false;
  bool truncated = false;  // over UDP: TC, and no record
  size_t cut = 0;          // octets that are missing at the end
  std::string raw;         // instead of all after the identifier
  std::chrono::milliseconds delay{0};
};

inline std::string big_endian(uint32_t value, int size) {
  std::string made;
  for (int i = size - 1; i >= 0; --i) made += static_cast<char>(value >> (8 * i) & 0xFF);
  return made;
}

inline std::string dns_name(std::string_view name) {
  std::string made;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    made += static_cast<char>(label.size());
    made += label;
    name.remove_prefix(std::min(label.size() + 1, name.size()));
  }
  return made + '\0';
}

inline std::string address_record(const char* text) {
  const auto address = SocketAddress::parse(text, 0);
  if (address->family() == AF_INET) {
    const auto& ipv4 = *reinterpret_cast<const sockaddr_in*>(address->get());
    return {reinterpret_cast<const char*>(&ipv4.sin_addr), sizeof ipv4.sin_addr};
  }
  const auto& ipv6 = *reinterpret_cast<const sockaddr_in6*>(address->get());
  return {reinterpret_cast<const char*>(&ipv6.sin6_addr), sizeof ipv6.sin6_addr};
}

inline std::string service_record(uint16_t priority, uint16_t weight, uint16_t port,
                                  std::string_view target) {
  return big_endian(priority, 2) + big_endian(weight, 2) + big_endian(port, 2) + dns_name(target);
}

// The whole answer to a question with this name and type.
inline std::string dns_answer(std::string_view question, DnsType type, const DnsReply& reply,
                              bool truncated = false) {
  const auto count = truncated ? 0 : static_cast<uint32_t>(reply.records.size());
  std::string made = big_endian(0x8180U | (truncated ? 0x200U : 0U) | reply.code, 2) +
                     big_endian(1, 2) + big_endian(count, 2) + big_endian(0, 4) +
                     std::string(question);
  for (uint32_t i = 0; i < count; ++i) {
    made += big_endian(0xC00C, 2) + big_endian(static_cast<uint16_t>(type), 2) + big_endian(1, 2) +
            big_endian(reply.ttl, 4) +
            big_endian(static_cast<uint32_t>(reply.records[i].size()), 2) + reply.records[i];
  }
  return made;
}

class DnsServer {
 public:
  DnsServer() : stop_(eventfd(0, EFD_CLOEXEC)) {
    // One port number for both: the free UDP port may be taken for TCP.
    for (int attempt = 0; attempt < 20 && !open(); ++attempt) {
    }
    thread_ = std::thread([this] { serve(); });
  }
  ~DnsServer() {
    const uint64_t one = 1;
    EXPECT_EQ(::write(stop_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
    thread_.join();
  }
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  uint16_t port() const { return local_port(udp_.get()); }

  void set(const std::string& name, DnsType type, DnsReply reply) {
    const std::scoped_lock lock(mutex_);
    table_[{name, type}] = std::move(reply);
  }
  void set(const std::string& name, std::initializer_list<const char*> addresses) {
    DnsReply ipv4;
    DnsReply ipv6;
    for (const char* address : addresses) {
      const bool is_ipv6 = std::string_view(address).find(':') != std::string_view::npos;
      (is_ipv6 ? ipv6 : ipv4).records.push_back(address_record(address));
    }
    set(name, DnsType::a, ipv4);
    set(name, DnsType::aaaa, ipv6);
  }
  // Both families say `reply`.
  void set_both(const std::string& name, const DnsReply& reply) {
    set(name, DnsType::a, reply);
    set(name, DnsType::aaaa, reply);
  }
  int asked(const std::string& name, DnsType type) const {
    const std::scoped_lock lock(mutex_);
    const auto found = asked_.find({name, type});
    return found == asked_.end() ? 0 : found->second;
  }
  int asked_by_tcp() const {
    const std::scoped_lock lock(mutex_);
    return asked_by_tcp_;
  }

 private:
  using Key = std::pair<std::string, DnsType>;
  struct Later {
    Time when;
    sockaddr_in to;
    std::string answer;
  };

  bool open() {
    udp_ = Descriptor(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const sockaddr_in any = loopback(0);
    EXPECT_EQ(bind(udp_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
    tcp_ = tcp_socket();
    const sockaddr_in same = loopback(port());
    return bind(tcp_.get(), reinterpret_cast<const sockaddr*>(&same), sizeof same) == 0 &&
           listen(tcp_.get(), 8) == 0;
  }

  void serve() {
    std::array<pollfd, 3> ready{
        {{udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    while (ready[2].revents == 0) {
      ASSERT_GE(poll(ready.data(), ready.size(), later_.empty() ? 1000 : 5), 0);
      if (ready[0].revents != 0) answer_udp();
      if (ready[1].revents != 0) answer_tcp();
      std::erase_if(later_, [this](const Later& one) {
        if (Clock::now() < one.when) return false;
        send_udp(one.answer, one.to);
        return true;
      });
    }
  }

  void send_udp(const std::string& answer, const sockaddr_in& to) {
    (void)sendto(udp_.get(), answer.data(), answer.size(), 0,
                 reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }

  void answer_udp() {
    std::array<char, 600> room{};
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got = recvfrom(udp_.get(), room.data(), room.size(), 0,
                                 reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 17) return;
    std::chrono::milliseconds delay{0};
    const auto answer = answer_to({room.data(), static_cast<size_t>(got)}, true, delay);
    if (answer) later_.push_back({Clock::now() + delay, from, *answer});
  }

  void answer_tcp() {
    const Descriptor client(accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const timeval patience{.tv_sec = 0, .tv_usec = 200'000};
    setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (;;) {
      const std::string head = receive(client.get(), 2);
      if (head.size() < 2) return;
      const auto size =
          static_cast<size_t>(static_cast<uint8_t>(head[0]) << 8 | static_cast<uint8_t>(head[1]));
      const std::string question = receive(client.get(), size);
      std::chrono::milliseconds delay{0};
      const auto answer = answer_to(question, false, delay);
      if (!answer) return;
      const std::string framed = big_endian(static_cast<uint32_t>(answer->size()), 2) + *answer;
      // In pieces: c-ares must come back for the rest.
      send_all(client.get(), framed.substr(0, 1));
      send_all(client.get(), framed.substr(1, 20));
      send_all(client.get(), framed.substr(21));
    }
  }

  // Nothing: it stays silent.
  std::optional<std::string> answer_to(std::string_view query, bool udp,
                                       std::chrono::milliseconds& delay) {
    const std::string identifier(query.substr(0, 2));
    std::string name;
    size_t at = 12;
    for (; query[at] != 0; at += static_cast<size_t>(query[at]) + 1) {
      if (!name.empty()) name += '.';
      name += query.substr(at + 1, static_cast<size_t>(query[at]));
    }
    const auto type = static_cast<DnsType>(static_cast<uint8_t>(query[at + 2]));
    const std::scoped_lock lock(mutex_);
    ++asked_[{name, type}];
    if (!udp) ++asked_by_tcp_;
    const auto found = table_.find({name, type});
    const DnsReply reply = found == table_.end() ? DnsReply{.code = 3} : found->second;
    delay = reply.delay;
    if (reply.silent) return std::nullopt;
    if (!reply.raw.empty()) return identifier + reply.raw;
    const std::string answer =
        dns_answer(query.substr(12, at + 5 - 12), type, reply, udp && reply.truncated);
    return identifier + answer.substr(0, answer.size() - reply.cut);
  }

  Descriptor udp_;
  Descriptor tcp_;
  Descriptor stop_;
  mutable std::mutex mutex_;
  std::map<Key, DnsReply> table_;  // all three guarded by the mutex
  std::map<Key, int> asked_;
  int asked_by_tcp_ = 0;
  std::vector<Later> later_;  // the thread's
  std::thread thread_;
};

// A resolv.conf that leads to the server, and a hosts file, in a folder of their own.
class DnsFiles {
 public:
  explicit DnsFiles(const DnsServer& server) {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-dns-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    write_configuration(server);
    write_hosts("127.0.0.9 somebody\n");
  }
  ~DnsFiles() { std::filesystem::remove_all(folder_); }
  DnsFiles(const DnsFiles&) = delete;
  DnsFiles& operator=(const DnsFiles&) = delete;

  void write_configuration(const DnsServer& server, const std::string& more = {}) const {
    replace(configuration_file(),
            "nameserver [127.0.0.1]:" + std::to_string(server.port()) + "\n" + more);
  }
  void write_hosts(const std::string& text) const { replace(hosts_file(), text); }
  std::string configuration_file() const { return folder_ + "/resolv.conf"; }
  std::string hosts_file() const { return folder_ + "/hosts"; }

 private:
  // As editors and engines do: never half of it.
  static void replace(const std::string& path, const std::string& text) {
    std::ofstream(path + ".new") << text;
    std::filesystem::rename(path + ".new", path);
  }

  std::string folder_;
};

}  // namespace sluice::net
