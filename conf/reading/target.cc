// Targets with captures, and fixed responses.
#include "conf/reading/target.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "conf/reading/parts.h"
#include "conf/reading/value.h"

namespace sluice::conf {

namespace {

// How many captures a route has: the wildcards of a pattern, the rest of a prefix.
size_t captures_of(const PathMatch& match) {
  if (match.kind == PathMatch::Kind::exact) return 0;
  if (match.kind == PathMatch::Kind::prefix) return 1;
  size_t count = 0;
  for (size_t i = 0; i < match.text.size(); ++i) {
    if (match.text[i] != '*') continue;
    ++count;
    if (match.text.substr(i).starts_with("**")) ++i;
  }
  return count;
}

std::string captures_text(const PathMatch& match) {
  const size_t count = captures_of(match);
  if (count == 0) return "the route has no captures: it is one path";
  return "the route has " + std::to_string(count) + (count == 1 ? " capture" : " captures") +
         ": $1" + (count > 1 ? " to $" + std::to_string(count) : "");
}

// Checks every '$' of a target.
bool check_captures(const Node& node, const TargetScope& scope) {
  constexpr std::string_view kForms = "expected $1 to $9, $query, or $$ for a dollar";
  bool good = true;
  const std::string_view text = node.text;
  for (size_t at = text.find('$'); at != text.npos; at = text.find('$', at)) {
    const std::string_view rest = text.substr(at + 1);
    const char next = rest.empty() ? '\0' : rest.front();
    at += next == '$' ? 2 : 1;
    if (next == '$' || rest.starts_with("query")) continue;
    const bool digit = next >= '1' && next <= '9';
    const bool known = scope.match == nullptr ||
                       (digit && static_cast<size_t>(next - '0') <= captures_of(*scope.match));
    if (digit && known) continue;
    const std::string part(text.substr(at - 1, next == '\0' ? 1 : 2));
    good = false;
    scope.report.error(Code::bad_capture, scope.report.within(node.place, part),
                       "'" + part + "' stands for nothing",
                       {digit ? captures_text(*scope.match) : std::string(kForms)});
  }
  return good;
}

// Whether what stands behind a URL's host begins with a slash, is a query, or is nothing: anything
// else, "$1" that is ".example.net" for one, would make another host of it.
bool ends_host(std::string_view rest, const PathMatch* match) {
  if (!rest.starts_with('$') || rest.starts_with("$query")) return true;
  // "$1" of the prefix "/old" is nothing, or begins with a slash.
  return match == nullptr || (rest.starts_with("$1") && match->kind == PathMatch::Kind::prefix &&
                              !match->text.ends_with('/'));
}

bool is_port(std::string_view digits) {
  unsigned port = 0;
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, port);
  return error == std::errc() && rest == end && port <= 65535;
}

// The host of a URL: it is written out, because a capture there would let links lead anywhere.
std::string url_problem(std::string_view url, const PathMatch* match) {
  url.remove_prefix(url.find("://") + 3);
  const std::string_view authority = url.substr(0, url.find_first_of("$/?#"));
  const size_t colon = authority.find(':', authority.rfind(']') + 1);  // npos + 1 is 0
  const std::string_view host = authority.substr(0, colon);
  if (host.empty()) return "the host is missing, and no capture may stand for it";
  const std::string_view rest = url.substr(authority.size());
  if (host.find('*') != host.npos || (host.ends_with('.') && rest.starts_with('$'))) {
    return "the host is written out, no part of it is a wildcard or a capture";
  }
  if (std::string problem = host_problem(lower(host)); !problem.empty()) return problem;
  if (colon != authority.npos && !is_port(authority.substr(colon + 1))) {
    return "the port is a number from 0 to 65535";
  }
  return ends_host(rest, match) ? std::string()
                                : "a capture right behind the host could become part of it; put a "
                                  "'/' between them";
}

// A path, or a whole URL of http or https.
std::string redirect_problem(std::string_view to, const PathMatch* match) {
  const bool url = to.starts_with("http://") || to.starts_with("https://");
  if (to.starts_with('$')) return "it begins with a capture, so that links could lead anywhere";
  if (!to.starts_with('/') && !url) {
    return "it is neither a path ('/...') nor a URL ('https://...')";
  }
  const std::string problem = url ? url_problem(to, match) : std::string();
  return problem.empty() ? octets_problem(to) : problem;
}

bool good_target(const std::string& name, const Node& node, const std::string& problem,
                 const TargetScope& scope) {
  if (!problem.empty()) {
    scope.report.error(Code::bad_target, node.place,
                       "'" + name + "' is '" + node.text + "': " + problem);
  }
  return check_captures(node, scope) && problem.empty();
}

void check_circle(const Node& node, const TargetScope& scope) {
  if (scope.match == nullptr) return;
  const std::string& to = node.text;
  const std::string& match = scope.match->text;
  const bool same = scope.match->kind == PathMatch::Kind::exact
                        ? to == match || to == match + "$query"
                        : scope.match->kind == PathMatch::Kind::prefix && to == match + "$1";
  if (!same) return;
  scope.report.warning(Code::leads_to_itself, node.place, "this leads to the same route again");
}

}  // namespace

std::optional<RedirectAction> read_redirect(const Node& node, const TargetScope& scope) {
  const bool table = node.kind == Node::Kind::table;
  RedirectAction action;
  const Node* to = table ? node.find("to") : &node;
  if (to == nullptr) return std::nullopt;
  if (const Node* status = table ? node.find("status") : nullptr) {
    action.status = static_cast<int>(status->integer);
  }
  if (!good_target("redirect", *to, redirect_problem(to->text, scope.match), scope))
    return std::nullopt;
  check_circle(*to, scope);
  action.to = to->text;
  return action;
}

std::optional<RewriteAction> read_rewrite(const Node& node, const TargetScope& scope) {
  const bool path = node.text.starts_with('/');
  const std::string problem = path ? octets_problem(node.text) : "it does not start with '/'";
  if (!good_target("rewrite", node, problem, scope)) return std::nullopt;
  check_circle(node, scope);
  return RewriteAction{node.text};
}

std::optional<RespondAction> read_respond(const Node& node, Report& report) {
  RespondAction action;
  if (node.kind == Node::Kind::integer) action.status = static_cast<int>(node.integer);
  if (node.kind == Node::Kind::string) action.body = node.text;
  if (node.kind == Node::Kind::table) {
    if (const Node* status = node.find("status")) action.status = static_cast<int>(status->integer);
    action.body = text_or(node, "body", "");
    action.type = text_or(node, "type", action.type);
  }
  if (const Node* type = node.find("type"); type != nullptr && !is_media_type(type->text)) {
    report.error(Code::bad_media_type, type->place, "'" + type->text + "' is no media type",
                 {"expected type/subtype, for example \"text/plain\""});
    return std::nullopt;
  }
  // RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5.
  const bool none = action.status == 204 || action.status == 205 || action.status == 304;
  if (none && !action.body.empty()) {
    report.error(Code::unwanted_body, node.find("body")->place,
                 "a response of status " + std::to_string(action.status) + " has no content",
                 {"leave `body` away, or use another status"});
    return std::nullopt;
  }
  return action;
}

}  // namespace sluice::conf
