// The channel of c-ares: made anew with resolv.conf, driven by the loop's events and timers.
//
// c-ares may call back from within ares_query() and ares_process_fd(), where it must not be
// destroyed. So a call-back only keeps the answer, and the task hands it out afterwards.
#include "server/net/dns_client.h"

#include <ares.h>
#include <poll.h>

#include <algorithm>
#include <fstream>
#include <list>
#include <optional>
#include <sstream>
#include <utility>

#include "server/net/file_identity.h"

namespace sluice::net {

namespace {

// A name server that loses a packet must not hold an upstream up for the 5 s of resolv.conf(5): it
// is asked again after 1 s, then gets 2 s. What fails is tried again soon anyway.
constexpr int kTimeoutMilliseconds = 1'000;
constexpr int kTries = 2;
constexpr int kRoundsARun = 16;  // then others get their turn
constexpr uint8_t kClassInternet = 1;
constexpr short kReadEvents = POLLIN | POLLERR | POLLHUP;

// Sets up what all channels share; needed once, before the first.
void prepare_library() {
  static const int prepared = ::ares_library_init(ARES_LIB_INIT_ALL);
  (void)prepared;
}

std::string contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

class DnsClient::Channel final : public Retired, public EventTarget, public Task, public Timer {
 public:
  Channel(Loop& loop, std::string configuration_file)
      : loop_(loop), configuration_file_(std::move(configuration_file)) {
    prepare_library();
  }
  ~Channel() { stop(); }

  // Nothing comes from it any more; the loop may still have an event of it.
  void stop() noexcept {
    loop_.forget(*this);
    loop_.timers().cancel(*this);
    close();
    questions_.clear();
  }
  void ask(const std::string& full_name, DnsType type, DnsReceiver& receiver);
  void forget(const DnsReceiver& receiver) noexcept;
  std::vector<std::string> full_names(const std::string& host);

  void on_event(uint32_t /*epoll_events*/) override { loop_.wake(*this); }
  void on_timer() override { loop_.wake(*this); }
  void run() override;

 private:
  struct Question {
    std::string full_name;
    DnsType type;
    DnsReceiver* receiver;  // null: nobody wants to know any more
    std::optional<DnsAnswer> answer = {};
  };

  static void on_socket(void* self, int descriptor, int readable, int writable);
  static void on_answered(void* question, int status, int timeouts, unsigned char* message,
                          int size);
  void read_configuration();
  bool open();
  void close() noexcept;
  void put(Question& question);
  void want(int descriptor, short events);
  bool process_ready();
  void deliver();
  void set_timer();

  Loop& loop_;
  std::string configuration_file_;
  FileIdentity identity_;           // of the file that the channel was made with
  ares_channel channel_ = nullptr;  // null: not made yet, or it could not be
  std::vector<pollfd> sockets_;     // what c-ares waits for
  std::list<Question> questions_;   // c-ares has pointers to them until they are answered
  std::vector<std::string> search_;
  int ndots_ = 1;
};

void DnsClient::Channel::read_configuration() {
  const FileIdentity identity = FileIdentity::of(configuration_file_);
  if (channel_ != nullptr && identity == identity_) return;
  close();
  if (open()) identity_ = identity;
  for (Question& question : questions_) {
    if (!question.answer) put(question);
  }
}

bool DnsClient::Channel::open() {
  ares_options options{};
  options.resolvconf_path = configuration_file_.data();
  options.timeout = kTimeoutMilliseconds;
  options.tries = kTries;
  char lookups[] = "b";  // name servers alone: hosts files are read by us
  options.lookups = lookups;
  options.sock_state_cb = &Channel::on_socket;
  options.sock_state_cb_data = this;
  const int given = ARES_OPT_RESOLVCONF | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
                    ARES_OPT_SOCK_STATE_CB;
  if (::ares_init_options(&channel_, &options, given) != ARES_SUCCESS) {
    channel_ = nullptr;
    return false;
  }
  const std::string servers = servers_with_ports(contents(configuration_file_));
  if (!servers.empty()) (void)::ares_set_servers_ports_csv(channel_, servers.c_str());
  ares_options saved{};
  int mask = 0;
  if (::ares_save_options(channel_, &saved, &mask) != ARES_SUCCESS) return true;
  ndots_ = saved.ndots;
  search_.assign(saved.domains, saved.domains + saved.ndomains);
  ::ares_destroy_options(&saved);
  return true;
}

void DnsClient::Channel::close() noexcept {
  if (channel_ != nullptr) ::ares_destroy(std::exchange(channel_, nullptr));
  sockets_.clear();
}

void DnsClient::Channel::ask(const std::string& full_name, DnsType type, DnsReceiver& receiver) {
  read_configuration();
  questions_.push_back({full_name, type, &receiver});
  put(questions_.back());
  loop_.wake(*this);
}

void DnsClient::Channel::put(Question& question) {
  if (channel_ == nullptr) {
    question.answer = DnsAnswer{.outcome = DnsAnswer::Outcome::failed,
                                .problem = "c-ares cannot be set up (out of memory?)"};
    return;
  }
  ::ares_query(channel_, question.full_name.c_str(), kClassInternet,
               static_cast<int>(question.type), &Channel::on_answered, &question);
}

void DnsClient::Channel::forget(const DnsReceiver& receiver) noexcept {
  for (Question& question : questions_) {
    if (question.receiver == &receiver) question.receiver = nullptr;
  }
}

// A question whose channel is destroyed is put to the next one, or is gone with the client.
void DnsClient::Channel::on_answered(void* question, int status, int /*timeouts*/,
                                     unsigned char* message, int size) {
  if (status == ARES_EDESTRUCTION) return;
  auto& asked = *static_cast<Question*>(question);
  const size_t octets = message == nullptr ? 0 : static_cast<size_t>(size);
  asked.answer = read_dns_answer(asked.type, status, {message, octets});
}

void DnsClient::Channel::on_socket(void* self, int descriptor, int readable, int writable) {
  const int events = (readable != 0 ? POLLIN : 0) | (writable != 0 ? POLLOUT : 0);
  static_cast<Channel*>(self)->want(descriptor, static_cast<short>(events));
}

// c-ares says so just before it closes a socket, too: with no events.
void DnsClient::Channel::want(int descriptor, short events) {
  const auto known = std::find_if(sockets_.begin(), sockets_.end(),
                                  [=](const pollfd& socket) { return socket.fd == descriptor; });
  if (events == 0) {
    if (known != sockets_.end()) sockets_.erase(known);
    return;
  }
  if (known != sockets_.end() && known->events == events) return;
  if (known != sockets_.end()) {
    known->events = events;
  } else {
    sockets_.push_back({descriptor, events, 0});
    // Without events (no memory for a watch) the timer still brings the question to its end.
    (void)loop_.watch(descriptor, *this);
  }
  loop_.wake(*this);  // what was ready before gives no edge
}

void DnsClient::Channel::run() {
  bool more = true;
  for (int round = 0; more && round < kRoundsARun; ++round) more = process_ready();
  if (channel_ != nullptr) ::ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  deliver();
  set_timer();
  if (more) loop_.wake(*this);
}

// False: nothing was ready.
bool DnsClient::Channel::process_ready() {
  if (channel_ == nullptr) return false;
  std::vector<pollfd> sockets = sockets_;  // c-ares changes the list
  if (::poll(sockets.data(), sockets.size(), 0) <= 0) return false;
  for (const pollfd& socket : sockets) {
    if (socket.revents == 0) continue;
    const bool readable = (socket.revents & kReadEvents) != 0;
    const bool writable = (socket.revents & POLLOUT) != 0;
    ::ares_process_fd(channel_, readable ? socket.fd : ARES_SOCKET_BAD,
                      writable ? socket.fd : ARES_SOCKET_BAD);
  }
  return true;
}

// Who is told may change the list: the search begins anew each time.
void DnsClient::Channel::deliver() {
  for (;;) {
    const auto found = std::find_if(questions_.begin(), questions_.end(),
                                    [](const Question& one) { return one.answer.has_value(); });
    if (found == questions_.end()) return;
    Question answered = std::move(*found);
    questions_.erase(found);
    if (answered.receiver != nullptr) {
      answered.receiver->on_answer(answered.type, std::move(*answered.answer));
    }
  }
}

void DnsClient::Channel::set_timer() {
  timeval room{};
  const timeval* left = channel_ == nullptr ? nullptr : ::ares_timeout(channel_, nullptr, &room);
  if (left == nullptr) {
    loop_.timers().cancel(*this);
    return;
  }
  const auto wait = std::chrono::seconds(left->tv_sec) + std::chrono::microseconds(left->tv_usec);
  loop_.timers().set(*this, loop_.now() + wait);
}

std::vector<std::string> DnsClient::Channel::full_names(const std::string& host) {
  read_configuration();
  if (host.ends_with('.')) return {host};
  std::vector<std::string> made;
  const bool as_it_is_first = std::count(host.begin(), host.end(), '.') >= ndots_;
  if (as_it_is_first) made.push_back(host);
  for (const std::string& domain : search_) {
    if (!domain.empty() && domain != ".") made.push_back(host + "." + domain);
  }
  if (!as_it_is_first) made.push_back(host);
  return made;
}

DnsClient::DnsClient(Loop& loop, std::string configuration_file)
    : channel_(std::make_unique<Channel>(loop, std::move(configuration_file))), loop_(loop) {}

DnsClient::~DnsClient() {
  channel_->stop();
  loop_.retire(std::move(channel_));
}

std::vector<std::string> DnsClient::full_names(const std::string& host) {
  return channel_->full_names(host);
}

void DnsClient::ask(const std::string& full_name, DnsType type, DnsReceiver& receiver) {
  channel_->ask(full_name, type, receiver);
}

void DnsClient::forget(const DnsReceiver& receiver) noexcept { channel_->forget(receiver); }

std::string servers_with_ports(const std::string& text) {
  std::istringstream lines(text);
  std::string servers;
  bool any_port = false;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string keyword;
    std::string server;
    if (!(words >> keyword >> server) || keyword != "nameserver") continue;
    any_port = any_port || server.find("]:") != std::string::npos;
    // c-ares takes brackets around IPv6 addresses only.
    const bool ipv4 = server.find('.') != std::string::npos && server.starts_with('[');
    if (ipv4) std::erase_if(server, [](char c) { return c == '[' || c == ']'; });
    servers += (servers.empty() ? "" : ",") + server;
  }
  return any_port ? servers : "";
}

}  // namespace sluice::net
