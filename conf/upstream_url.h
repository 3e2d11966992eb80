// Where a proxy's requests go, as people write it: "http://app:3000/v1", "https://[2001:db8::7]",
// "unix:/run/app.sock".
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "conf/codes.h"
#include "conf/configuration.h"
#include "conf/file_source.h"

namespace sluice::conf {

struct UpstreamUrl {
  UpstreamTarget target;  // `tls` with its defaults for https
  std::string base;       // as in ProxyAction
};

// What is wrong with a text, and what to write instead.
struct UpstreamProblem {
  Code code;
  std::string message;
  std::string note;  // may be empty
  std::string part;  // of the text: what is wrong in it; empty: all of it
};

// Reads http://HOST[:PORT][/BASE], https://HOST[:PORT][/BASE] or unix:PATH into `out`, which is of
// no use after a problem. HOST is a name, an IPv4 address, an IPv6 one in brackets, or for SRV (RFC
// 2782) "_SERVICE._PROTOCOL.NAME" without a port. A relative PATH starts from `folder` (absolute
// and with a slash at its end, or empty for the current one).
[[nodiscard]] std::optional<UpstreamProblem> parse_upstream(std::string_view text,
                                                            const std::string& folder,
                                                            FileSource& files, UpstreamUrl& out);

// Reads what the upstream is told in Host: "keep", "upstream", or a name that may have a port.
// Returns an empty string, or what is wrong. Requires: `action` has its target.
[[nodiscard]] std::string parse_sent_host(std::string_view text, ProxyAction& action);

}  // namespace sluice::conf
