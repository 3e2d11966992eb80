// What is behind client.h, shared by its two sources.
#pragma once

#include "tls/client.h"
#include "tls/openssl.h"

namespace sluice::tls {

struct ClientContext::State {
  ContextPointer context;
  bool lowered_security = false;
  int key_log = -1;
};

struct ClientSession::State {
  SslSessionPointer session;
};

}  // namespace sluice::tls
