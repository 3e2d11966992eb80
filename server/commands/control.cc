// One question, one answer.
#include "server/commands/control.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <optional>

#include "conf/reader.h"
#include "server/ops/control_client.h"
#include "server/ops/control_path.h"
#include "server/ops/control_protocol.h"
#include "server/ops/counted.h"

namespace sluice {

namespace {

using ops::counted;
using std::chrono::milliseconds;

// A health check of a container's engine gives up after three seconds.
constexpr milliseconds kPatience{2'500};
constexpr milliseconds kReloadPatience{60'000};
// What a server needs after its drain has ended: closing files and logs.
constexpr milliseconds kEndPatience{10'000};

int fail(const std::string& error) {
  std::fprintf(stderr, "sluice: error: %s\n", error.c_str());
  return 1;
}

// The path that a server with this configuration takes. A file that was not named, or cannot be
// read, has no say.
std::string configured_path(const ControlOptions& options) {
  if (!options.control.empty()) return options.control;
  const std::string file = options.file.empty() ? conf::find_configuration() : options.file;
  if (file.empty()) return {};
  const conf::Reading reading = conf::read_configuration(file, conf::process_environment);
  return reading.configuration ? reading.configuration->control : std::string();
}

class Conversation {
 public:
  explicit Conversation(const ControlOptions& options) : options_(options) {}

  // Empty, or what stood in the way; the server's refusal included.
  std::string ask(std::string_view command, milliseconds patience) {
    const ops::ControlPath path =
        ops::find_control_path(configured_path(options_), conf::process_environment, ::geteuid());
    if (std::string error = client_.connect(path); !error.empty()) return error;
    std::string line;
    if (std::string error = client_.ask(command, patience, line); !error.empty()) return error;
    if (options_.json) std::printf("%s\n", line.c_str());
    const std::optional<ops::ControlAnswer> answer = ops::read_control_answer(line);
    if (!answer) return "what answers at " + path.path + " is no Sluice";
    answer_ = *answer;
    return answer_.ok ? std::string() : answer_.error;
  }
  const ops::ControlAnswer& answer() const noexcept { return answer_; }
  ops::ControlClient& client() noexcept { return client_; }
  void say(const std::string& text) const {
    if (!options_.json) std::printf("%s\n", text.c_str());
  }

 private:
  const ControlOptions& options_;
  ops::ControlClient client_;
  ops::ControlAnswer answer_;
};

}  // namespace

int stop(const ControlOptions& options) {
  Conversation conversation(options);
  if (std::string error = conversation.ask("stop", kPatience); !error.empty()) return fail(error);
  const milliseconds within(conversation.answer().within_milliseconds);
  if (!conversation.client().wait_for_end(within + kEndPatience)) {
    return fail("it still runs, though its drain should be over: kill " +
                std::to_string(conversation.client().server()) + " ends it");
  }
  conversation.say("stopped");
  return 0;
}

int health(const ControlOptions& options) {
  Conversation conversation(options);
  if (std::string error = conversation.ask("health", kPatience); !error.empty()) return fail(error);
  const ops::ControlAnswer& answer = conversation.answer();
  conversation.say(answer.status + ": " + counted(answer.sites, "site") + ", " +
                   counted(answer.workers, "worker") + ", " +
                   counted(answer.connections, "connection") + ", up " +
                   std::to_string(answer.uptime_seconds) + " s, version " + answer.version);
  return answer.status == "serving" || answer.status == "draining" ? 0 : 1;
}

int reload(const ControlOptions& options) {
  Conversation conversation(options);
  if (std::string error = conversation.ask("reload", kReloadPatience); !error.empty())
    return fail("nothing is changed: " + error);
  conversation.say("reloaded: " + conversation.answer().message);
  return 0;
}

}  // namespace sluice
