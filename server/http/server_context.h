// What the connections of one worker share: memory, the clock's text, the route table, the log, and
// the list of who is idle. Thread: the worker's. Outlives its connections: abort_all() and one more
// iteration of the loop come first.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "conf/limits.h"
#include "protocol/block.h"
#include "protocol/h1/codec.h"
#include "protocol/h2/codec.h"
#include "server/http/exchange.h"
#include "server/http/exchange_record.h"
#include "server/http/h2_stream.h"
#include "server/http/linked_list.h"
#include "server/http/router.h"
#include "server/http/worker_resources.h"
#include "server/net/address_counts.h"
#include "server/net/loop.h"

namespace sluice::http {

class ServerConnection;

// A connection is on one list of each kind: in the order in which they became what the list says.
enum class ListKind : uint8_t { state, address };
using ConnectionList = LinkedList<ServerConnection, ListKind>;

// A worker's connections by their client's address, for when one of an address has to go. Nothing
// is done here for a request, so the lists do not know who is idle: they are looked through.
class AddressGroups {
 public:
  // Connections looked at a time; those are then the last of their list, so that the next time
  // others are.
  static constexpr size_t kLookedAt = 64;

  void add(ServerConnection& connection);
  void remove(ServerConnection& connection) noexcept;
  // Of the next ones of this address the one that has been idle longest, and since before `time`;
  // null when none has.
  ServerConnection* idle_since_before(net::AddressBlock block, net::Time time);

 private:
  std::unordered_map<net::AddressBlock, ConnectionList, net::AddressHash> groups_;
};

class ServerContext {
  const std::shared_ptr<WorkerResources> resources_;  // outlives all that follows

 public:
  // Limits of the resources are the process's; a connection's are its listener's. `log` may be
  // null, and outlives the context.
  ServerContext(std::shared_ptr<WorkerResources> resources, Ref<Router> router, ExchangeLog* log);
  ~ServerContext();

  Ref<Block> read_block() { return resources_->read_block(); }
  WorkerResources& resources() noexcept { return *resources_; }

  // "Date: ...\r\nServer: sluice\r\n", rendered once a second.
  std::string_view common_lines();
  // The same as fields with names in lower case. Valid until the second is over.
  const FieldList& common_fields();
  // What of them this head goes out with: an upstream says who it is itself, and mostly when (RFC
  // 9110 section 6.6.1).
  std::string_view common_lines(const ResponseHead& head);
  const FieldList& common_fields(const ResponseHead& head);

  // Ends the connections that have been idle longest, at most `count`, and none that has only begun
  // to. Returns how many.
  size_t shed_idle(size_t count);
  // Ends one of this address that has been idle long, if there is one among the next kLookedAt.
  bool shed_idle_of(net::AddressBlock block);
  // Octets that the connection which holds most holds.
  uint64_t largest() const;
  // Cuts it.
  void close_largest();
  // For exchanges that start from now on; connections that can do so have their clients come anew.
  void replace_router(Ref<Router> replacement);
  // From here on: idle connections close, others after their current exchange.
  void start_draining();
  bool draining() const noexcept { return draining_; }
  // Cuts what is left.
  void abort_all(std::string_view cause);
  size_t connections() const noexcept { return idle.size() + active.size(); }

  net::Loop& loop;
  const conf::Limits& limits;  // the process's
  Ref<Router> router;          // of exchanges that start from now on
  ExchangeLog* const log;
  BlockPool& pool;
  h1::Workspace& workspace;
  h2::Workspace& h2_workspace;
  ExchangePool exchanges;
  H2StreamPool h2_streams;
  RequestIds& request_ids;
  ConnectionList idle{ListKind::state};  // waiting for a request, longest first
  ConnectionList active{ListKind::state};
  AddressGroups by_address;  // all of them

 private:
  ServerConnection* find_largest() const;

  std::array<char, 64> common_lines_{};
  size_t common_lines_size_ = 0;
  FieldList common_fields_;
  FieldList date_field_;
  static const FieldList kNoFields;
  int64_t common_lines_second_ = -1;
  bool draining_ = false;
};

}  // namespace sluice::http
