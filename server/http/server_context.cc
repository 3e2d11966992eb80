// What a worker's connections share: the read block, the second's Date line, the lists of idle and
// active ones.
#include "server/http/server_context.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstring>
#include <utility>

#include "protocol/http_date.h"
#include "server/http/server_connection.h"

namespace sluice::http {

namespace {

constexpr std::string_view kDate = "Date: ";

}  // namespace

void AddressGroups::add(ServerConnection& connection) {
  const net::AddressBlock block = connection.address_block();
  if (block == 0) return;
  groups_.try_emplace(block, ListKind::address).first->second.push_back(connection);
}

void AddressGroups::remove(ServerConnection& connection) noexcept {
  const auto group = groups_.find(connection.address_block());
  if (group == groups_.end()) return;
  group->second.remove(connection);
  if (group->second.size() == 0) groups_.erase(group);
}

ServerConnection* AddressGroups::idle_since_before(net::AddressBlock block, net::Time time) {
  const auto found = groups_.find(block);
  if (found == groups_.end()) return nullptr;
  ConnectionList& group = found->second;
  ServerConnection* longest = nullptr;
  for (size_t left = std::min(group.size(), kLookedAt); left > 0; --left) {
    ServerConnection& next = *group.front();
    group.remove(next);
    group.push_back(next);
    if (!next.idle() || next.state_since() > time) continue;
    if (longest == nullptr || next.state_since() < longest->state_since()) longest = &next;
  }
  return longest;
}

ServerContext::ServerContext(std::shared_ptr<WorkerResources> resources, Ref<Router> request_router,
                             ExchangeLog* exchange_log)
    : resources_(std::move(resources)),
      loop(resources_->loop),
      limits(resources_->limits),
      router(std::move(request_router)),
      log(exchange_log),
      pool(resources_->pool),
      workspace(resources_->workspace),
      h2_workspace(resources_->h2_workspace),
      request_ids(resources_->request_ids) {}

ServerContext::~ServerContext() { assert(connections() == 0); }

std::string_view ServerContext::common_lines() {
  const int64_t second = loop.wall_seconds();
  if (second != common_lines_second_) {
    static constexpr std::string_view kAfter = "\r\nServer: sluice\r\n";
    char* out = common_lines_.data();
    std::memcpy(out, kDate.data(), kDate.size());
    write_http_date(second, std::span<char, kHttpDateSize>(out + kDate.size(), kHttpDateSize));
    std::memcpy(out + kDate.size() + kHttpDateSize, kAfter.data(), kAfter.size());
    common_lines_size_ = kDate.size() + kHttpDateSize + kAfter.size();
    common_lines_second_ = second;
  }
  return {common_lines_.data(), common_lines_size_};
}

const FieldList& ServerContext::common_fields() {
  const std::string_view lines = common_lines();
  if (common_fields_.empty()) {  // the text changes where it stands
    common_fields_.add("date", lines.substr(kDate.size(), kHttpDateSize), FieldId::date);
    common_fields_.add("server", "sluice", FieldId::other);
  }
  return common_fields_;
}

const FieldList ServerContext::kNoFields;

std::string_view ServerContext::common_lines(const ResponseHead& head) {
  if (!head.relayed) return common_lines();
  if (head.fields.find(FieldId::date) != nullptr) return {};
  return common_lines().substr(0, kDate.size() + kHttpDateSize + 2);
}

const FieldList& ServerContext::common_fields(const ResponseHead& head) {
  if (!head.relayed) return common_fields();
  if (head.fields.find(FieldId::date) != nullptr) return kNoFields;
  const Field& date = common_fields()[0];
  date_field_.clear();
  date_field_.add(date.name, date.value, date.id);
  return date_field_;
}

size_t ServerContext::shed_idle(size_t count) {
  const net::Time idle_before = loop.now() - limits.idle_grace;
  size_t shed = 0;
  for (; shed < count && idle.front() != nullptr; ++shed) {
    if (idle.front()->state_since() > idle_before) break;
    idle.front()->abort("room needed");
  }
  return shed;
}

bool ServerContext::shed_idle_of(net::AddressBlock block) {
  ServerConnection* const one = by_address.idle_since_before(block, loop.now() - limits.idle_grace);
  if (one == nullptr) return false;
  one->abort("room needed");
  return true;
}

// Walks over all that are not idle: for when the process is about to be killed.
ServerConnection* ServerContext::find_largest() const {
  ServerConnection* largest = nullptr;
  uint64_t most = 0;
  active.for_each([&](ServerConnection& connection) {
    const uint64_t held = connection.held_with_kernel();
    if (held <= most) return;
    most = held;
    largest = &connection;
  });
  return largest;
}

uint64_t ServerContext::largest() const {
  const ServerConnection* const one = find_largest();
  return one == nullptr ? 0 : one->held_with_kernel();
}

void ServerContext::close_largest() {
  if (ServerConnection* const one = find_largest())
    one->abort("memory is short", "memory_critical");
}

void ServerContext::start_draining() {
  draining_ = true;
  idle.for_each([](ServerConnection& connection) { connection.drain(); });
  active.for_each([](ServerConnection& connection) { connection.drain(); });
}

void ServerContext::replace_router(Ref<Router> replacement) {
  router = std::move(replacement);
  idle.for_each([](ServerConnection& connection) { connection.on_rules_replaced(); });
  active.for_each([](ServerConnection& connection) { connection.on_rules_replaced(); });
}

void ServerContext::abort_all(std::string_view cause) {
  while (idle.front() != nullptr) idle.front()->abort(cause);
  while (active.front() != nullptr) active.front()->abort(cause);
}

}  // namespace sluice::http
