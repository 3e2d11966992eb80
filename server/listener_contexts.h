// The listeners of a configuration that speak TLS, made ready: certificates are read and looked at,
// and everything that is wrong is said at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "conf/configuration.h"
#include "tls/listener_context.h"
#include "tls/ticket_keys.h"

namespace sluice {

// One for each listener of a configuration, in its order; null for clear text.
using ListenerContexts = std::vector<std::shared_ptr<const tls::ListenerContext>>;

// What a configuration's files of TLS came to.
struct ContextsReading {
  ListenerContexts contexts;        // of no use when there are errors
  std::vector<std::string> errors;  // each names its file, and what to do
  std::vector<std::string> warnings;
};

// Reads every certificate, key and authority that `configuration` names. `keys` encrypt the tickets
// of listeners without files of their own. `previous` (may be empty) were made for `previous_of`:
// what has not changed is kept. `now`: seconds since 1970. Blocks for as long as the disk does.
ContextsReading make_contexts(const conf::Configuration& configuration,
                              const std::shared_ptr<tls::TicketKeys>& keys,
                              const conf::Configuration& previous_of,
                              const ListenerContexts& previous, int64_t now);

// The files that make_contexts() reads, each once.
std::vector<std::string> files_of_contexts(const conf::Configuration& configuration);

}  // namespace sluice
