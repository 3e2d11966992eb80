// The command line: what `sluice` understands, and nothing of what it does.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "conf/limits.h"
#include "server/commands/check.h"
#include "server/serve.h"

namespace {

// "--limit" for people: every limit by name, with its default and what it is for.
std::string limits_help() {
  const sluice::conf::Limits defaults;
  std::string text = "Limits for --limit NAME=VALUE (octets as 8KiB, times as 10s):\n";
  for (const sluice::conf::LimitInfo& limit : sluice::conf::all_limits()) {
    std::string line = "  " + std::string(limit.name);
    line.resize(std::max<size_t>(line.size() + 1, 22), ' ');
    line += sluice::conf::limit_text(defaults, limit);
    line.resize(std::max<size_t>(line.size() + 1, 32), ' ');
    text += line + std::string(limit.reason) + "\n";
  }
  return text;
}

// Reads every assignment; throws CLI11's error for the first that is wrong.
void apply_limits(const std::vector<std::string>& assignments, sluice::conf::Limits& limits) {
  for (const std::string& assignment : assignments) {
    const std::string error = sluice::conf::set_limit(limits, assignment);
    if (!error.empty()) throw CLI::ValidationError("--limit", error);
  }
}

int run(int argc, char** argv) {
  CLI::App app{"Sluice, an HTTP server on raw epoll."};
  app.set_version_flag("--version", "sluice " SLUICE_VERSION);
  app.require_subcommand(1);
  app.footer("Try: sluice serve .   and open http://127.0.0.1:8080");

  sluice::ServeOptions options;
  std::vector<std::string> limits;
  CLI::App* serve = app.add_subcommand("serve", "Serve a folder as a static site");
  serve->add_option("DIR", options.directory, "The folder")->capture_default_str();
  serve->add_option("--listen", options.listen,
                    "HOST:PORT, :PORT, [::1]:PORT or unix:/path; port 0 takes any free one; may be "
                    "given several times [127.0.0.1:8080]");
  serve->add_option("--workers", options.workers, "Threads [one per usable CPU]")
      ->check(CLI::Range(1, 1024));
  serve->add_option("--access-log", options.access_log, "stdout, off, or a file")
      ->capture_default_str();
  serve
      ->add_option("--log-format", options.log_format,
                   "json or text; auto is text on a terminal and json elsewhere")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "json", "text"}));
  serve->add_flag("--follow-symlinks", options.follow_symlinks,
                  "Follow symbolic links that lead out of the folder");
  serve->add_option("--limit", limits,
                    "Change a limit, e.g. head_timeout=5s; may be given several times");
  serve->footer([] { return limits_help(); });

  sluice::CheckOptions checking;
  CLI::App* check = app.add_subcommand("check", "Say what is wrong with a configuration");
  check->add_option("-c,--config", checking.file,
                    "The file [sluice.toml, else /etc/sluice/sluice.toml]");
  check->add_flag("--json", checking.json, "Everything found as a JSON array, for machines");
  check->add_flag("--schema", checking.schema, "Print the JSON schema for editors instead");
  check->add_flag("--reference", checking.reference,
                  "Print the page of all keys and limits instead");

  try {
    app.parse(argc, argv);
    apply_limits(limits, options.limits);
  } catch (const CLI::ParseError& error) {
    return app.exit(error);
  }
  if (check->parsed()) return sluice::check(checking);
  return sluice::serve(options);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sluice: error: %s\n", error.what());
    return 1;
  }
}
