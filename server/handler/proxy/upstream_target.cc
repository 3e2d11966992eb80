// Most targets are their own normal form: then one comparison is all.
#include "server/handler/proxy/upstream_target.h"

#include <array>
#include <span>
#include <string>

#include "protocol/target.h"
#include "server/handler/path_prefix.h"

namespace sluice::handler::proxy {

namespace {

// As conf/limits.h has it for a request line; longer ones are compared in memory of their own.
constexpr size_t kUsualTarget = size_t{8} * 1024;

// The target in origin form is the path and query that rules are applied to, octet for octet.
bool is_as_received(const RequestHead& head) noexcept {
  if (!head.target.starts_with(head.path)) return false;
  const std::string_view rest = head.target.substr(head.path.size());
  if (!head.has_query) return rest.empty();
  return rest.starts_with('?') && rest.substr(1) == head.query;
}

bool normalizes_to(std::string_view path, std::string_view expected, std::span<char> room) {
  return std::string_view(room.data(), normalize_path(path, room)) == expected;
}

// Whether the target's path, as received, is another spelling of the one that rules are applied to.
bool means(const Target& target, const RequestHead& head) {
  if (target.has_query != head.has_query || target.query != head.query) return false;
  if (target.path == head.path) return true;
  if (has_dot_segments(target.path)) return false;  // a matter of form: to be sent without
  if (target.path.size() < kUsualTarget) {
    std::array<char, kUsualTarget> room;
    return normalizes_to(target.path, head.path, room);
  }
  std::string room(target.path.size() + 1, '\0');
  return normalizes_to(target.path, head.path, room);
}

}  // namespace

UpstreamTarget::UpstreamTarget(const RequestHead& in, const PathChange& change)
    : query_(in.query), has_query_(in.has_query) {
  if (in.method == Method::connect) {
    possible_ = false;
  } else if (in.path == "*") {
    possible_ = change.base.empty();
    received_ = in.path;
  } else if (!change.base.empty() || (!change.strip.empty() && is_below(in.path, change.strip))) {
    make_path(in.path, change);
  } else if (is_as_received(in)) {
    received_ = in.target;
  } else {
    take_received(in, change);
  }
}

// The absolute form, another spelling, or what a rewrite has replaced.
void UpstreamTarget::take_received(const RequestHead& in, const PathChange& change) {
  Target target;
  if (!parse_target(in.target, target) || target.form == TargetForm::authority ||
      !means(target, in)) {
    return make_path(in.path, change);
  }
  const std::string_view after_scheme =
      in.target.substr(target.form == TargetForm::absolute
                           ? static_cast<size_t>(target.authority.data() + target.authority.size() -
                                                 in.target.data())
                           : 0);
  if (after_scheme.starts_with('/')) {
    received_ = after_scheme;
  } else {
    make_path(in.path, change);  // "http://example.com?query" says no path at all
  }
}

void UpstreamTarget::make_path(std::string_view path, const PathChange& change) {
  base_ = change.base;
  rest_ = path;
  if (is_below(path, change.strip)) rest_.remove_prefix(change.strip.size());
  if (base_.empty() && rest_.empty()) rest_ = "/";
}

size_t UpstreamTarget::room() const noexcept {
  return received_.empty() ? base_.size() + rest_.size() + 1 + query_.size() : 0;
}

void UpstreamTarget::write(const RequestHead& in, DerivedText& text, RequestHead& out) const {
  out.has_query = has_query_;
  if (!received_.empty()) {
    out.target = received_;
    out.path = in.path;
    out.query = query_;
    return;
  }
  const size_t mark = text.size();
  text.text(base_).text(rest_);
  out.path = text.since(mark);
  if (has_query_) text.text("?").text(query_);
  out.target = text.since(mark);
  out.query = out.target.substr(out.path.size() + (has_query_ ? 1 : 0));
}

}  // namespace sluice::handler::proxy
