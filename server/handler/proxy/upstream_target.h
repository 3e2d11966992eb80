// The target that goes upstream (RFC 9112 section 3.2).
//
// What was received goes on octet for octet, in origin form, as long as it means what our rules
// were applied to. Where it does not (dot segments, a rewrite), or where a prefix is taken off or
// put before, it is made from the normalised path, so that the upstream cannot read another path
// than the one that was allowed.
#pragma once

#include <cstddef>
#include <string_view>

#include "protocol/message.h"
#include "server/handler/proxy/derived_text.h"

namespace sluice::handler::proxy {

// How a route changes paths; both without a slash at their ends. Views into the configuration.
struct PathChange {
  std::string_view strip;  // taken off a path that lies below it
  std::string_view base;   // put before what is left
};

// Views point into the request and the configuration.
class UpstreamTarget {
 public:
  UpstreamTarget(const RequestHead& in, const PathChange& change);

  // False: there is no path to send ("*" where a base is put before, CONNECT).
  bool possible() const noexcept { return possible_; }
  // Octets that write() appends at most.
  size_t room() const noexcept;
  // Sets target, path, query and has_query of `out`; what is made anew goes into `text`.
  void write(const RequestHead& in, DerivedText& text, RequestHead& out) const;

 private:
  void take_received(const RequestHead& in, const PathChange& change);
  void make_path(std::string_view path, const PathChange& change);

  bool possible_ = true;
  std::string_view received_;  // goes out as it is; empty: base_ and rest_ do, and the query
  std::string_view base_;
  std::string_view rest_;
  std::string_view query_;
  bool has_query_ = false;
};

}  // namespace sluice::handler::proxy
