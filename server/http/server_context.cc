// What a worker's connections share: the read block, the second's Date line, the lists of idle and
// active ones.
#include "server/http/server_context.h"

#include <cassert>
#include <chrono>
#include <cstring>
#include <utility>

#include "protocol/http_date.h"
#include "server/http/server_connection.h"

namespace sluice::http {
void ConnectionList::push_back(ServerConnection& connection) noexcept {
  connection.previous_ = last_;
  connection.next_ = nullptr;
  (last_ != nullptr ? last_->next_ : first_) = &connection;
  last_ = &connection;
  ++size_;
}

void ConnectionList::remove(ServerConnection& connection) noexcept {
  (connection.previous_ != nullptr ? connection.previous_->next_ : first_) = connection.next_;
  (connection.next_ != nullptr ? connection.next_->previous_ : last_) = connection.previous_;
  connection.previous_ = connection.next_ = nullptr;
  --size_;
}

ServerConnection* ConnectionList::next(ServerConnection& connection) noexcept {
  return connection.next_;
}

ServerContext::ServerContext(net::Loop& event_loop, const conf::Limits& process_limits,
                             Ref<Router> request_router, ExchangeLog* exchange_log)
    : loop(event_loop),
      limits(process_limits),
      router(std::move(request_router)),
      log(exchange_log),
      pool(process_limits.large_heads),
      workspace(pool) {}

ServerContext::~ServerContext() { assert(connections() == 0); }

Ref<Block> ServerContext::read_block() {
  if (!read_block_ || read_block_->use_count() > 1) read_block_ = pool.acquire();
  return read_block_;
}

std::string_view ServerContext::common_lines() {
  const int64_t second = loop.wall_seconds();
  if (second != common_lines_second_) {
    static constexpr std::string_view kBefore = "Date: ";
    static constexpr std::string_view kAfter = "\r\nServer: sluice\r\n";
    char* out = common_lines_.data();
    std::memcpy(out, kBefore.data(), kBefore.size());
    write_http_date(second, std::span<char, kHttpDateSize>(out + kBefore.size(), kHttpDateSize));
    std::memcpy(out + kBefore.size() + kHttpDateSize, kAfter.data(), kAfter.size());
    common_lines_size_ = kBefore.size() + kHttpDateSize + kAfter.size();
    common_lines_second_ = second;
  }
  return {common_lines_.data(), common_lines_size_};
}

void ServerContext::shed_idle(size_t count) {
  const net::Time idle_before = loop.now() - limits.idle_grace;
  for (; count > 0 && idle.front() != nullptr; --count) {
    if (idle.front()->state_since() > idle_before) return;
    idle.front()->abort("descriptors needed");
  }
}

void ServerContext::start_draining() {
  draining_ = true;
  idle.for_each([](ServerConnection& connection) { connection.drain(); });
}

void ServerContext::abort_all(std::string_view cause) {
  while (idle.front() != nullptr) idle.front()->abort(cause);
  while (active.front() != nullptr) active.front()->abort(cause);
}

}  // namespace sluice::http
