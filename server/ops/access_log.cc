// Chooses destination and form; the work is LogWriter's.
#include "server/ops/access_log.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "server/ops/log_destination.h"

namespace sluice::ops {
namespace {

// https://no-color.org: set and not empty.
bool colour_refused() {
  const char* no_color = std::getenv("NO_COLOR");
  return no_color != nullptr && *no_color != '\0';
}

LineForm form_for(const AccessLogOptions& options) {
  const bool terminal = options.destination == "stdout" && ::isatty(STDOUT_FILENO) == 1;
  if (options.format == LogFormat::errors) return LineForm::error;
  if (options.format == LogFormat::errors_json) return LineForm::error_json;
  if (options.format == LogFormat::combined) return LineForm::combined;
  if (options.format == LogFormat::json) return LineForm::json;
  if (options.format == LogFormat::auto_ && !terminal) return LineForm::json;
  return terminal && !colour_refused() ? LineForm::coloured_text : LineForm::text;
}

// Null in `out` for "off".
std::string start_writer(const std::string& name, LineForm form, LogWriter::Pace pace,
                         std::shared_ptr<LogWriter>& out) {
  if (name == "off") return {};
  std::unique_ptr<LogDestination> destination;
  std::string error = name == "stdout"   ? open_inherited(STDOUT_FILENO, destination)
                      : name == "stderr" ? open_inherited(STDERR_FILENO, destination)
                                         : open_file(name, destination);
  if (!error.empty()) return error;
  out = std::make_shared<LogWriter>(std::move(destination), form, pace);
  return out->start();
}

}  // namespace

std::string AccessLog::open(const AccessLogOptions& options, std::unique_ptr<AccessLog>& out) {
  std::shared_ptr<LogWriter> writer;
  std::string error = start_writer(options.destination, form_for(options), options.pace, writer);
  if (error.empty()) out.reset(new AccessLog(std::move(writer), options.ring_octets));
  return error;
}

AccessLog::AccessLog(std::shared_ptr<LogWriter> writer, size_t ring_octets)
    : writer_(std::move(writer)), ring_octets_(std::max<size_t>(ring_octets, 1)) {}

AccessLog::~AccessLog() { close(); }

WorkerLog* AccessLog::make_worker_log() { return writer_ ? &writer_->add(ring_octets_) : nullptr; }

void AccessLog::close() {
  if (writer_) writer_->close();
}

uint64_t AccessLog::dropped() const noexcept { return writer_ ? writer_->dropped() : 0; }

}  // namespace sluice::ops
