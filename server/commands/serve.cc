// A configuration made by hand, of one site.
#include "server/commands/serve.h"

namespace sluice {

int serve(const ServeOptions& options) {
  const auto configuration = configuration_of(
      options.common, options.directory,
      conf::FilesAction{
          .root = options.directory, .listing = true, .follow_symlinks = options.follow_symlinks});
  // Handshakes that fail are in no access log.
  configuration->log.errors = options.common.tls ? "stderr" : "off";
  return serve_without_file(options.common, configuration, options.directory);
}

}  // namespace sluice
