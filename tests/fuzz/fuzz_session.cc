// TLS sessions of the server's side, fed by a client that somebody meddles with: what is opened is
// what the client sealed, or nothing; a failure is for good; and what is sent is bounded.
//
// An input's first octet chooses: its highest bit, that the rest are records as they are; else what
// client it is and in which rooms the session reads, and the rest are changes, four octets each:
// which flight and what to do with it, where, and with what.
#include <openssl/err.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/fuzz/feeding.h"
#include "tests/unit/tls/session_pair.h"

namespace sluice::tls {
namespace {

using fuzz::require;
using Status = Session::Status;

constexpr size_t kChange = 4;
// Flights of either side together; what a client still says after them is left out.
constexpr int kFlights = 24;
constexpr size_t kLongestFlight = 100'000;
constexpr uint64_t kKeyUpdates = 4;

// --- The same octets for the same input ----------------------------------------------------------

uint64_t random_state = 1;

int give_octets(unsigned char* room, int size) {
  for (int i = 0; i < size; ++i) {
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    room[i] = static_cast<unsigned char>(random_state >> 56);
  }
  return 1;
}
int is_ready() { return 1; }

void make_randomness_repeatable() {
  static const RAND_METHOD method = {nullptr, give_octets, nullptr, nullptr, give_octets, is_ready};
  RAND_set_rand_method(&method);
}

// --- The world -----------------------------------------------------------------------------------

struct World {
  World() {
    make_randomness_repeatable();
    ListenerContext::Parts parts = listener_parts({.policy = conf::Tls::Policy::legacy});
    parts.certificates.push_back(
        {.certificate = load_certificate(MadeCertificate({.names = {"*.example"}}), "/made/wild")});
    const CertificateFolder folder;
    parts.sites = {{.hosts = {"strict.example"},
                    .clients = {.mode = conf::ClientCertificates::Mode::request,
                                .authorities = folder.write("ca.pem", authority.pem())}}};
    context = make_listener(std::move(parts));
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      SessionPair pair(*context, {.version = version});
      require(pair.run(), "a sound handshake fails");
      SSL_set_shutdown(pair.client.ssl(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
      (version == TLS1_3_VERSION ? ticket_13 : ticket_12) = std::move(pair.client.ticket);
    }
  }

  const MadeCertificate authority{CertificateWish{.common_name = "clients", .authority = true}};
  const MadeCertificate me{CertificateWish{.common_name = "me", .extended_usage = "clientAuth"},
                           &authority};
  std::shared_ptr<const ListenerContext> context;
  SslSessionPointer ticket_12, ticket_13;
};

const World& world() {
  static const World made;
  return made;
}

// --- What an input asks for ----------------------------------------------------------------------

ClientWish wish_of(uint8_t choice, SslSessionPointer& ticket) {
  ClientWish wish;
  const bool newest = (choice & 1) != 0;
  wish.version = newest ? TLS1_3_VERSION : TLS1_2_VERSION;
  if ((choice & 2) != 0) {
    ticket.reset(SSL_SESSION_dup((newest ? world().ticket_13 : world().ticket_12).get()));
    wish.session = ticket.get();
  }
  if ((choice & 4) != 0) {
    wish.name = "strict.example";
    wish.certificate = &world().me;
  }
  if ((choice & 8) != 0) wish.alpn = "\x02h2\x08http/1.1";
  if ((choice & 16) != 0 && newest) wish.groups = "P-384";
  // A ticket is for its own suite.
  if ((choice & 34) == 32 && !newest) wish.suites = "ECDHE-ECDSA-AES128-SHA";
  return wish;
}

// Changes, cuts, repeats or moves octets of a flight.
void change(std::string& octets, uint8_t what, size_t place, char value) {
  const size_t at = place % octets.size();
  switch (what) {
    case 0:
      octets[at] = static_cast<char>(octets[at] ^ value);
      break;
    case 1:
      octets.resize(at);
      break;
    case 2:
      octets.insert(at, octets.substr(0, at));
      break;
    case 3:
      octets.insert(at, 1, value);
      break;
    case 4:
      octets.erase(at, static_cast<uint8_t>(value));
      break;
    case 5:  // whole records, in another order
      std::rotate(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(at), octets.end());
      break;
    case 6: {
      std::string again;
      for (const std::string& record : records_of(octets)) again += record + record;
      octets = again;
      break;
    }
    default:
      octets[at] = value;
  }
}

void meddle(std::string_view changes, int flight, std::string& octets) {
  for (; changes.size() >= kChange; changes.remove_prefix(kChange)) {
    const auto head = static_cast<uint8_t>(changes[0]);
    if (head % 8 != flight % 8 || octets.empty()) continue;
    const size_t place = static_cast<uint8_t>(changes[1]) * 256U + static_cast<uint8_t>(changes[2]);
    change(octets, head / 8 % 8, place, changes[3]);
    octets.resize(std::min(octets.size(), kLongestFlight));
  }
}

// What a client does once it is in; `said` collects its plain octets.
void talk(SessionPair& pair, std::string& said, const SessionPair::Change& meddling) {
  const bool newest = SSL_version(pair.client.ssl()) == TLS1_3_VERSION;
  for (const size_t size : {5U, 300U, 17000U}) {
    const std::string part(size, static_cast<char>('a' + said.size() % 26));
    if (newest) SSL_key_update(pair.client.ssl(), SSL_KEY_UPDATE_REQUESTED);
    pair.client.write(part);
    said += part;
    pair.run(meddling);
    if (!pair.server.session.failed() && pair.server.session.established())
      pair.answer(part.substr(0, 100));
  }
  if (!newest) {
    SSL_renegotiate(pair.client.ssl());
    SSL_do_handshake(pair.client.ssl());
    ERR_clear_error();
    pair.run(meddling);
  }
  SSL_shutdown(pair.client.ssl());
  ERR_clear_error();
  pair.run(meddling);
}

void check_end(SessionPair& pair, std::string_view said) {
  Session& session = pair.server.session;
  require(said.starts_with(pair.server.plain), "other octets came out than went in");
  require(ERR_peek_error() == 0, "an error is left on the queue");
  if (!session.failed()) return;
  require(pair.server.give("\x17\x03\x03\x00\x01x") == Status::failed, "a failure was forgotten");
  require(pair.server.take().empty(), "something is said after a failure");
  require(!session.pending(), "something is to be read after a failure");
}

void check_conversation(uint8_t choice, std::string_view changes) {
  SslSessionPointer ticket;
  SessionPair pair(*world().context, wish_of(choice, ticket), kKeyUpdates);
  pair.server.room = (choice & 64) != 0 ? 100 : 20'000;
  int flights = 0;
  const auto meddling = [&](int flight, bool from_client, std::string& octets) {
    require(octets.size() <= 8 * Workspace::kSealedRecord || from_client, "output is not bounded");
    if (++flights > kFlights) octets.clear();
    if (from_client && !octets.empty()) meddle(changes, flight / 2, octets);
  };
  const bool well = pair.run(meddling);
  require(well || !changes.empty(), "a sound handshake fails");
  std::string said;
  if (pair.client.established) talk(pair, said, meddling);
  require(!changes.empty() || pair.server.plain == said, "a sound conversation is not understood");
  check_end(pair, said);
  SSL_set_shutdown(pair.client.ssl(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void check_records(std::string_view octets) {
  SessionEnd whole(*world().context);
  const Status status = whole.give(octets);
  require(status != Status::done || whole.session.established(), "status");
  require(whole.plain.empty(), "octets came out without keys");
  // However they are cut, they mean the same.
  SessionEnd slow(*world().context);
  for (const char octet : octets) {
    if (slow.give({&octet, 1}) == Status::failed || slow.status == Status::clear_text) break;
  }
  require(slow.status == status, "the status depends on the cuts");
}

}  // namespace
}  // namespace sluice::tls

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::tls;
  if (size == 0) return 0;
  world();
  random_state = 1;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 128) != 0) {
    check_records(rest.substr(0, 20'000));
  } else {
    check_conversation(data[0], rest.substr(0, 16 * kChange));
  }
  return 0;
}
