// Most paths are in their normal form as they are and cost no copy.
#include "protocol/request_target.h"

#include <string>

namespace sluice {

namespace {

void set_path(const Target& target, BlockPool& pool, RequestHead& head) {
  head.path = target.path;
  if (is_normalized(target.path)) return;
  const size_t room = target.path.size() + 1;
  if (room <= BlockPool::kBlockSize) {
    head.derived = pool.commit(normalize_path(target.path, pool.reserve(room)));
  } else {
    std::string path(room, '\0');
    path.resize(normalize_path(target.path, path));
    head.derived = copy_of(path);
  }
  head.path = head.derived.view();
}

// OPTIONS for a whole server comes as "*", or as an absolute form without path (RFC 9112
// section 3.2.4).
bool asks_about_server(const RequestHead& head, const Target& target) noexcept {
  return target.form == TargetForm::asterisk ||
         (head.method == Method::options && target.form == TargetForm::absolute &&
          target.authority.end() == head.target.end());
}

}  // namespace

void take_target(const Target& target, BlockPool& pool, RequestHead& head) {
  head.scheme = target.scheme;
  head.query = target.query;
  head.has_query = target.has_query;
  if (asks_about_server(head, target)) {
    head.path = "*";
  } else if (target.form != TargetForm::authority) {
    set_path(target, pool, head);
  }
}

}  // namespace sluice
