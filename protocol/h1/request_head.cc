// Checks in the order in which a reader can trust what it has: octets and version, the target's
// syntax, the method, the target's form, then Host, framing and expectations, which need the whole
// head.
#include "protocol/h1/request_head.h"

#include "protocol/grammar.h"
#include "protocol/h1/second_opinion.h"
#include "protocol/request_target.h"

namespace sluice::h1 {

namespace {

constexpr ProtocolError bad(std::string_view cause) noexcept { return {400, cause, ""}; }

// Exactly HTTP/1.0 or HTTP/1.1; another version of HTTP is 505, anything else no HTTP at all.
ProtocolError check_version(std::string_view version) noexcept {
  if (version == "HTTP/1.1" || version == "HTTP/1.0") return {};
  const bool other_version = version.size() == 8 && version.substr(0, 5) == "HTTP/" &&
                             is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
  return other_version ? ProtocolError{505, "HTTP version not supported", ""}
                       : bad("malformed HTTP version");
}

// Which forms go with which methods (RFC 9112 sections 3.2.1 to 3.2.4).
ProtocolError check_target_form(Method method, const Target& target) noexcept {
  if ((method == Method::connect) != (target.form == TargetForm::authority)) {
    return bad("target form does not suit the method");
  }
  if (method == Method::connect) {
    const unsigned port = authority_port(target.authority, 0);
    return port == 0 ? bad("CONNECT without a port") : ProtocolError{};
  }
  if (target.form == TargetForm::asterisk && method != Method::options) {
    return bad("asterisk target without OPTIONS");
  }
  return {};
}

// One Host in HTTP/1.1, well-formed, and the same as the target's authority (RFC 9112 section 3.2).
ProtocolError read_authority(const Target& target, const ControlFields& control, RequestHead& head,
                             bool http_1_0) noexcept {
  if (control.hosts() > 1) return bad("more than one Host");
  if (control.hosts() == 0 && !http_1_0) return bad("no Host");
  if (control.hosts() == 1 && !valid_authority(control.host())) return bad("malformed Host");
  head.authority = target.authority.empty() ? control.host() : target.authority;
  if (control.hosts() == 1 && target.form == TargetForm::absolute &&
      !same_authority(target.authority, control.host(), default_port(target.scheme))) {
    return bad("Host differs from the target's authority");
  }
  return {};
}

}  // namespace

ProtocolError parse_request_line(std::string_view line, RequestHead& head,
                                 Target& target) noexcept {
  const size_t method_end = line.find(' ');
  if (!is_token(line.substr(0, method_end))) return bad("malformed method");
  if (method_end == std::string_view::npos) return bad("no target in the request line");
  const size_t target_end = line.find(' ', method_end + 1);
  if (target_end == std::string_view::npos) return bad("no version in the request line");
  head.method_text = line.substr(0, method_end);
  head.method = method_of(head.method_text);
  head.target = line.substr(method_end + 1, target_end - method_end - 1);
  head.protocol = line.substr(target_end + 1);
  if (const ProtocolError error = check_version(head.protocol); error.status != 0) return error;
  if (!parse_target(head.target, target)) return bad("malformed target");
  if (head.method == Method::other && !knows_method(head.method_text))
    return {501, "method not implemented", ""};
  return check_target_form(head.method, target);
}

ProtocolError finish_request_head(const Target& target, ControlFields& control, uint64_t largest,
                                  BlockPool& pool, RequestHead& head, MessageFacts& facts) {
  facts.http_1_0 = head.protocol.back() == '0';
  ProtocolError error = read_authority(target, control, head, facts.http_1_0);
  if (error.status != 0) return error;
  error = control.finish(largest, facts, head.fields);
  if (error.status != 0) return error;
  if (head.method == Method::connect && control.has_content_fields()) {
    return bad("content in a CONNECT request");
  }
  if (control.expects_unknown()) return {417, "unknown expectation", ""};
  head.content_length = facts.content_length;
  head.has_body = facts.chunked || facts.content_length.value_or(0) != 0;
  head.expects_continue = control.expects_continue() && !facts.http_1_0 && head.has_body;
  if (!facts.http_1_0) head.tunnel = control.upgrade();
  take_target(target, pool, head);
  return {};
}

}  // namespace sluice::h1
