// Putting the parts together, and telling them what the operator says.
#include "server/server.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>
#include <variant>

#include "conf/limit_scopes.h"
#include "conf/reader.h"
#include "protocol/h1/second_opinion.h"
#include "server/http/http_service.h"
#include "server/ops/cached_date.h"
#include "server/ops/counted.h"
#include "server/ops/show_diagnostics.h"
#include "server/ops/usable_cpus.h"
#include "server/ops/version.h"

namespace sluice {

namespace {

using std::chrono::milliseconds;

// Helper threads touch cold files; more of them than a disk has heads gains nothing.
constexpr size_t kHelperThreads = 2;
constexpr size_t kHelperQueue = 1024;
// How often a drain looks whether it is over.
constexpr milliseconds kDrainCheck{20};

void say(const std::string& text) { std::fprintf(stderr, "sluice: %s\n", text.c_str()); }

using ops::counted;

// Each folder that is served has a descriptor of its own.
uint64_t folders_of(const conf::Configuration& configuration) noexcept {
  uint64_t folders = 0;
  for (const conf::Site& site : configuration.sites) {
    for (const conf::Route& route : site.routes)
      folders += std::holds_alternative<conf::FilesAction>(route.action) ? 1 : 0;
  }
  return folders;
}

bool has_proxies(const conf::Configuration& configuration) noexcept {
  for (const conf::Site& site : configuration.sites) {
    for (const conf::Route& route : site.routes) {
      if (std::holds_alternative<conf::ProxyAction>(route.action)) return true;
    }
  }
  return false;
}

size_t workers_of(const conf::Configuration& configuration) {
  return configuration.workers != 0 ? configuration.workers : ops::usable_cpus();
}

// Takes as many descriptors as we may have, and divides them: a reserve for what must not fail,
// the folders, some for open files and, with `proxies`, for pipes, the rest for connections. With
// `proxies` half of these are for those to upstreams.
void divide_descriptors(conf::Limits& limits, uint64_t folders, bool proxies, size_t workers) {
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  setrlimit(RLIMIT_NOFILE, &descriptors);
  getrlimit(RLIMIT_NOFILE, &descriptors);
  const uint64_t available = std::min<uint64_t>(descriptors.rlim_cur, 1U << 20);
  limits.open_files = std::min(limits.open_files, available / 8);
  limits.upstream_pipes = std::min(limits.upstream_pipes, available / (16 * workers));
  const uint64_t pipes = proxies ? 2 * limits.upstream_pipes * workers : 0;
  const uint64_t kept = limits.descriptor_reserve + folders + limits.open_files + pipes;
  const uint64_t left = available > kept + 16 ? available - kept : 16;
  const uint64_t most = proxies ? left / 2 : left;
  limits.connections = limits.connections == 0 ? most : std::min(limits.connections, most);
}

// Held files are memory that the kernel cannot take back. They must not be what a small container
// is short of: the rest is the connections'.
void divide_memory(conf::Limits& limits) {
  const uint64_t memory = ops::read_memory().limit;
  if (memory != 0) limits.held_bytes = std::min(limits.held_bytes, memory / 4);
}

conf::Limits process_limits(const conf::Configuration& configuration) {
  conf::Limits limits = configuration.limits.values;
  divide_descriptors(limits, folders_of(configuration), has_proxies(configuration),
                     workers_of(configuration));
  divide_memory(limits);
  if (::getpid() == 1) {
    limits.shutdown_timeout =
        std::min(limits.shutdown_timeout, limits.first_process_shutdown_timeout);
  }
  return limits;
}

// As they are before they are read.
ops::ChangedFiles look_at_certificates(const conf::Configuration& configuration) {
  ops::ChangedFiles files;
  files.follow(files_of_contexts(configuration));
  return files;
}

int64_t wall_seconds() noexcept {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

// What a running process keeps as it began, though the file says otherwise now.
std::string needs_restart(const conf::Configuration& before, const conf::Configuration& after) {
  std::string what;
  const auto note = [&what](bool differs, std::string_view name) {
    if (differs) what.append(what.empty() ? "" : ", ").append(name);
  };
  note(before.workers != after.workers, "workers");
  note(before.control != after.control, "control");
  note(before.log != after.log, "[log]");
  for (const conf::LimitInfo& limit : conf::all_limits()) {
    if (conf::scope_of_limit(limit.name) != conf::LimitScope::process) continue;
    note(conf::limit_text(before.limits.values, limit) !=
             conf::limit_text(after.limits.values, limit),
         "limit " + std::string(limit.name));
  }
  return what;
}

std::string first_error(const conf::Diagnostics& diagnostics) {
  const auto is_error = [](const conf::Diagnostic& one) {
    return one.severity == conf::Diagnostic::Severity::error;
  };
  const auto first = std::find_if(diagnostics.begin(), diagnostics.end(), is_error);
  if (first == diagnostics.end()) return "the configuration cannot be read";
  const auto others = std::count_if(first + 1, diagnostics.end(), is_error);
  std::string text = first->file;
  if (first->line != 0)
    text += ":" + std::to_string(first->line) + ":" + std::to_string(first->column);
  text += ": " + first->message;
  if (others > 0) text += " (and " + counted(static_cast<size_t>(others), "more error") + ")";
  return text;
}

}  // namespace

Server::Server(ServerOptions options)
    : options_(std::move(options)),
      limits_(process_limits(*options_.configuration)),
      resolver_(loop_, {.least = limits_.resolve_least, .most = limits_.resolve_most},
                [](const std::string& text) { say(text); }),
      upstreams_(resolver_, limits_),
      tls_(loop_, limits_.certificate_check, [this] { return read_certificates_again(); }),
      control_(loop_, limits_, *this),
      signals_(loop_, *this) {}

Server::~Server() = default;

int Server::serve() {
  const sigset_t signals = ops::block_signals();
  const std::string error = start(signals);
  if (error.empty()) {
    announce();
    loop_.run();
  } else {
    say("error: " + error);
  }
  end();
  return error.empty() ? 0 : 1;
}

// --- Beginning -----------------------------------------------------------------------------------

std::string Server::start(const sigset_t& signals) {
  if (!h1::strict_mode_works())
    return "this build's llhttp is not strict: compile with LLHTTP_STRICT_MODE=1";
  std::string warning;
  if (!options_.control.path.empty()) {
    if (std::string error = control_.open(options_.control, warning); !error.empty()) return error;
    if (!warning.empty()) say("warning: there will be no control socket: " + warning);
  }
  const conf::Configuration& configuration = *options_.configuration;
  const size_t count = workers_of(configuration);
  if (std::string error = build_snapshot(); !error.empty()) return error;
  if (std::string error =
          logs_.open(configuration.log, count, static_cast<size_t>(limits_.log_ring));
      !error.empty())
    return error;
  listeners_ = std::make_unique<net::ListenerSet>(count);
  if (std::string error = listeners_->prepare(configuration.listeners); !error.empty())
    return error;
  numbers_ = listeners_->numbers();
  ports_ = listeners_->ports();
  helpers_ = std::make_unique<net::Helpers>(kHelperThreads, kHelperQueue);
  make_workers(count);
  listeners_->start(*workers_);
  if (std::string error = workers_->start(); !error.empty()) return error;
  watch_memory();
  int failed = signals_.open(signals);
  if (failed == 0) failed = control_.start();
  return failed == 0 ? std::string() : std::string("epoll: ") + std::strerror(failed);
}

std::string Server::build_snapshot() {
  resources_ = std::make_unique<handler::FileResources>(limits_);
  ListenerContexts contexts;
  ops::ChangedFiles files = look_at_certificates(*options_.configuration);
  if (std::string error = make_contexts(*options_.configuration, contexts); !error.empty())
    return error;
  tls_.follow(std::move(files));
  std::vector<std::string> problems;
  snapshot_ = Snapshot::build(options_.configuration, *resources_, upstreams_, nullptr, problems,
                              std::move(contexts));
  if (!snapshot_) return problems.front();
  loaded_ = wall_seconds();
  if (options_.folders_must_be_there && !problems.empty()) return problems.front();
  for (const std::string& problem : problems) say("warning: " + problem);
  return {};
}

// Says all that is wrong; returns the first error, or an empty string.
std::string Server::make_contexts(const conf::Configuration& configuration,
                                  ListenerContexts& contexts) {
  const conf::Configuration& before =
      snapshot_ ? snapshot_->configuration() : *options_.configuration;
  ContextsReading reading =
      sluice::make_contexts(configuration, tls_.keys(), before,
                            snapshot_ ? snapshot_->contexts() : ListenerContexts(), wall_seconds());
  for (const std::string& warning : reading.warnings) say("warning: " + warning);
  if (reading.errors.empty()) {
    contexts = std::move(reading.contexts);
    return {};
  }
  for (size_t i = 1; i < reading.errors.size(); ++i) say("error: " + reading.errors[i]);
  return reading.errors.front();
}

void Server::make_workers(size_t count) {
  const net::WorkerOptions options{
      .listener = {.turn_accept = limits_.turn_accept, .accept_pause = limits_.accept_pause},
      .max_connections = limits_.connections,
      .max_per_address = limits_.connections_per_address,
      .shutdown_timeout = limits_.shutdown_timeout};
  worker_upstreams_.resize(count);
  workers_ = std::make_unique<net::Workers>(
      count, options, [this](size_t worker, net::Loop& loop) -> std::unique_ptr<net::Service> {
        auto resources = std::make_shared<http::WorkerResources>(loop, limits_);
        auto upstreams = std::make_shared<handler::proxy::WorkerUpstreams>(resources);
        worker_upstreams_[worker] = upstreams;
        return std::make_unique<http::HttpService>(
            std::move(resources),
            snapshot_->make_rules(loop, *helpers_, std::move(upstreams), numbers_, ports_),
            logs_.of_worker(worker));
      });
}

void Server::watch_memory() {
  const auto tell = [this](net::MemoryPressure pressure, const ops::MemoryReading& reading,
                           bool changed) {
    workers_->set_memory_pressure(pressure);
    if (changed) say(ops::describe(reading, pressure));
  };
  memory_ = std::make_unique<ops::MemoryWatch>(
      ops::MemoryWatch::Options{.high = limits_.memory_high, .critical = limits_.memory_critical},
      tell);
}

void Server::announce() const {
  for (const std::string& url : listeners_->urls()) say("listening on " + url);
  say("ready, serving " + options_.serving + " with " + counted(workers_->count(), "worker"));
}

// --- What it is told -----------------------------------------------------------------------------

void Server::on_signal(int number) {
  if (number == SIGHUP && !options_.file.empty()) {
    const ops::Reloading reloading = Server::reload();
    return say(reloading.done ? "reloaded: " + reloading.text
                              : "error: nothing is changed: " + reloading.text);
  }
  if (number == SIGTERM && !draining_) return begin_drain();
  loop_.stop();
}

std::string Server::version() const { return std::string(ops::version()); }

ops::Health Server::health() {
  using std::chrono::seconds;
  ops::Health health;
  if (!workers_->answer_within(limits_.health_timeout)) {
    health.status = ops::Health::Status::failing;
  } else if (draining_) {
    health.status = ops::Health::Status::draining;
  }
  health.uptime = std::chrono::duration_cast<seconds>(std::chrono::steady_clock::now() - started_);
  health.workers = workers_->count();
  for (size_t i = 0; i < workers_->count(); ++i) health.connections += workers_->connections(i);
  health.sites = snapshot_->configuration().sites.size();
  health.listeners = listeners_->urls();
  health.configuration = options_.file;
  ops::CachedDate date(ops::CachedDate::Form::rfc3339);
  health.loaded = std::string(date.at(loaded_)) + "Z";
  return health;
}

std::chrono::milliseconds Server::stop() {
  loop_.wake(*this);
  return limits_.shutdown_timeout;
}

ops::Reloading Server::reload() {
  if (options_.file.empty()) {
    return {.done = false,
            .text =
                "this server was started without a file (sluice serve): stop it, and start it "
                "again"};
  }
  if (draining_) return {.done = false, .text = "the server is stopping"};
  const conf::Reading reading = conf::read_configuration(options_.file, conf::process_environment);
  ops::show_diagnostics(reading.diagnostics);
  if (!reading.configuration) return {.done = false, .text = first_error(reading.diagnostics)};
  return apply(reading.configuration);
}

// Everything that can fail comes before the first change.
ops::Reloading Server::apply(std::shared_ptr<const conf::Configuration> configuration) {
  ListenerContexts contexts;
  ops::ChangedFiles files = look_at_certificates(*configuration);
  if (std::string error = make_contexts(*configuration, contexts); !error.empty())
    return {.done = false, .text = error};
  if (std::string error = listeners_->prepare(configuration->listeners); !error.empty())
    return {.done = false, .text = error};
  std::vector<std::string> problems;
  const std::shared_ptr<const Snapshot> fresh = Snapshot::build(
      configuration, *resources_, upstreams_, snapshot_.get(), problems, std::move(contexts));
  if (!fresh) return {.done = false, .text = problems.front()};
  // Rules before listeners: nobody who comes through a new one is served by what was before.
  distribute(*fresh, listeners_->numbers(), listeners_->ports());
  if (std::string error = listeners_->commit(*workers_); !error.empty()) {
    distribute(*snapshot_, numbers_, ports_);
    return {.done = false, .text = error};
  }
  for (const std::string& problem : problems) say("warning: " + problem);
  numbers_ = listeners_->numbers();
  ports_ = listeners_->ports();
  snapshot_ = fresh;
  tls_.follow(std::move(files));
  loaded_ = wall_seconds();
  std::string text = counted(configuration->sites.size(), "site") + ", " +
                     counted(configuration->listeners.size(), "listener");
  const std::string later = needs_restart(*options_.configuration, *configuration);
  if (!later.empty()) text += "; takes a restart: " + later;
  return {.done = true, .text = text};
}

void Server::distribute(const Snapshot& snapshot, const Numbers& numbers, const Ports& ports) {
  workers_->visit([&](size_t worker, net::Loop& loop, net::Service& service) {
    static_cast<http::HttpService&>(service).replace(
        snapshot.make_rules(loop, *helpers_, worker_upstreams_[worker].lock(), numbers, ports));
  });
}

// Files have changed, or a day is over.
bool Server::read_certificates_again() {
  if (draining_) return true;
  const std::shared_ptr<const Snapshot> before = snapshot_;
  ListenerContexts contexts;
  ops::ChangedFiles files = look_at_certificates(before->configuration());
  if (std::string error = make_contexts(before->configuration(), contexts); !error.empty()) {
    say("error: the certificates of before are served on: " + error);
    return false;
  }
  tls_.follow(std::move(files));
  std::vector<std::string> problems;  // of folders: they were told before
  const std::shared_ptr<const Snapshot> fresh =
      Snapshot::build(before->shared_configuration(), *resources_, upstreams_, before.get(),
                      problems, std::move(contexts));
  if (!fresh) {
    say("error: the certificates of before are used on: " + problems.front());
    return false;
  }
  snapshot_ = fresh;
  distribute(*snapshot_, numbers_, ports_);
  say("certificates were read again");
  return true;
}

// --- Ending --------------------------------------------------------------------------------------

void Server::run() {
  if (!draining_) begin_drain();
}

void Server::begin_drain() {
  draining_ = true;
  workers_->stop_accepting();
  listeners_->close();  // newcomers are refused by the kernel from here on
  say("draining; a second SIGTERM stops at once");
  workers_->drain();
  loop_.timers().set(*this, loop_.now() + kDrainCheck);
}

void Server::on_timer() {
  if (workers_->wait(milliseconds(0))) return loop_.stop();
  loop_.timers().set(*this, loop_.now() + kDrainCheck);
}

// Helpers post to the workers' loops and look into the folders: they end after the workers' threads
// and before both. Also after a start that failed late: the workers may have clients already.
void Server::end() {
  if (!workers_) return;
  loop_.timers().cancel(*this);
  loop_.forget(*this);
  memory_.reset();
  workers_->stop_accepting();
  listeners_->close();
  workers_->abort();
  while (!workers_->wait(std::chrono::hours(1))) continue;
  helpers_.reset();
  workers_.reset();
  logs_.close();
}

}  // namespace sluice
