// What is behind upstream_context.h, for the sessions that are made of it.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "conf/configuration.h"
#include "tls/openssl.h"
#include "tls/upstream_context.h"

namespace sluice::tls {

// Sessions that a next connection may go on with (RFC 8446 section 2.2). Any thread.
class KeptSessions {
 public:
  // An upstream gives one or two with each connection; more than a few in store only grow old.
  static constexpr size_t kMost = 16;

  void keep(SslSessionPointer session);
  // The newest that is still good; null without any. One of TLS 1.3 is taken for good, since a
  // ticket used twice tells onlookers who comes again (RFC 8446 appendix C.4).
  SslSessionPointer take();
  size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::vector<SslSessionPointer> sessions_;  // guarded by mutex_; the oldest first
};

struct UpstreamContext::State {
  ContextPointer context;
  std::string server_name;  // sent as SNI (RFC 6066 section 3); empty: none, the host is an address
  conf::UpstreamTarget::Http2 http2 = conf::UpstreamTarget::Http2::negotiated;
  KeptSessions sessions;
};

}  // namespace sluice::tls
