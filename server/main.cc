// The command line: what `sluice` understands, and nothing of what it does.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "conf/limits.h"
#include "server/commands/check.h"
#include "server/commands/control.h"
#include "server/commands/handshake.h"
#include "server/commands/proxy.h"
#include "server/commands/run.h"
#include "server/commands/serve.h"
#include "server/commands/version.h"
#include "tls/memory.h"

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

class CommandLine {
 public:
  CommandLine() {
    app_.set_version_flag("--version", sluice::version_text());
    app_.require_subcommand(1);
    app_.footer("Try: sluice serve .   and open http://127.0.0.1:8080");
    add_serve();
    add_proxy();
    add_run();
    add_check();
    add_handshake();
    stop_ = add_control("stop", "Stop the running server; returns when it has ended");
    health_ = add_control("health", "Ask the running server how it is; exit code 0 when well");
    reload_ = add_control("reload", "Have the running server read its configuration again");
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
      apply_limits(limits_, serving_.common.limits);
      proxying_.common.limits = serving_.common.limits;
    } catch (const CLI::ParseError& error) {
      return app_.exit(error);
    }
    if (proxy_->parsed()) return sluice::proxy(proxying_);
    if (run_->parsed()) return sluice::run(running_);
    if (check_->parsed()) return sluice::check(checking_);
    if (handshake_->parsed()) return sluice::handshake(shaking_);
    if (stop_->parsed()) return sluice::stop(controlling_);
    if (health_->parsed()) return sluice::health(controlling_);
    if (reload_->parsed()) return sluice::reload(controlling_);
    return sluice::serve(serving_);
  }

 private:
  static constexpr const char* kFile = "The file [sluice.toml, else /etc/sluice/sluice.toml]";

  // What `serve` and `proxy` have in common.
  void add_common(CLI::App* command, sluice::WithoutFile& options) {
    command->add_option("--listen", options.listen,
                        "HOST:PORT, :PORT, [::1]:PORT or unix:/path; port 0 takes any free one; "
                        "may be given several times [127.0.0.1:8080; with --tls 127.0.0.1:8443]");
    command->add_flag("--tls", options.tls,
                      "Speak HTTPS, with a certificate of a local development authority that is "
                      "made once and says how to trust it");
    command->add_option("--workers", options.workers, "Threads [one per usable CPU]")
        ->check(CLI::Range(1, 1024));
    command->add_option("--access-log", options.access_log, "stdout, off, or a file")
        ->capture_default_str();
    command
        ->add_option("--log-format", options.log_format,
                     "json, text or combined; auto is text on a terminal and json elsewhere")
        ->capture_default_str()
        ->check(CLI::IsMember({"auto", "json", "text", "combined"}));
    command->add_option("--control", options.control,
                        "A path for a control socket [$SLUICE_CONTROL, else none]");
    command->add_option("--limit", limits_,
                        "Change a limit, e.g. head_timeout=5s; may be given several times");
    command->footer([] { return limits_help(); });
  }

  void add_serve() {
    CLI::App* serve = app_.add_subcommand("serve", "Serve a folder as a static site");
    serve->add_option("DIR", serving_.directory, "The folder")->capture_default_str();
    serve->add_flag("--follow-symlinks", serving_.follow_symlinks,
                    "Follow symbolic links that lead out of the folder");
    add_common(serve, serving_.common);
  }

  void add_proxy() {
    proxy_ = app_.add_subcommand("proxy", "Put another server behind this one");
    proxy_
        ->add_option("--to", proxying_.to,
                     "The server: http://HOST[:PORT][/BASE], https://... or unix:/path")
        ->required();
    proxy_
        ->add_option("--host", proxying_.host,
                     "What it is told in Host: keep is what the client asked for, upstream the "
                     "host of --to; or a name")
        ->capture_default_str();
    proxy_->add_option("--ca", proxying_.authorities,
                       "Trust the certificates in this PEM file [the system's]");
    proxy_->add_flag("--insecure", proxying_.insecure, "Do not verify its certificate");
    add_common(proxy_, proxying_.common);
  }

  void add_run() {
    run_ = app_.add_subcommand("run", "Serve what a configuration says");
    run_->add_option("-c,--config", running_.file, kFile);
    run_->add_option("--control", running_.control,
                     "The control socket's path, or off [as the file says]");
  }

  void add_check() {
    check_ = app_.add_subcommand("check", "Say what is wrong with a configuration");
    check_->add_option("-c,--config", checking_.file, kFile);
    check_->add_flag("--json", checking_.json, "Everything found as a JSON array, for machines");
    check_->add_flag("--schema", checking_.schema, "Print the JSON schema for editors instead");
    check_->add_flag("--reference", checking_.reference,
                     "Print the page of all keys and limits instead");
  }

  void add_handshake() {
    handshake_ = app_.add_subcommand("handshake", "Show a TLS handshake, message by message");
    handshake_->add_option("HOST[:PORT]", shaking_.target, "The server [port 443]")->required();
    handshake_->add_flag("--tls1.2", shaking_.tls12, "Offer TLS 1.2 only [1.2 and 1.3]");
    handshake_->add_flag("--tls1.3", shaking_.tls13, "Offer TLS 1.3 only");
    handshake_->add_option("--cipher", shaking_.suites,
                           "Offer these suites only, e.g. TLS_RSA_WITH_AES_128_CBC_SHA");
    handshake_->add_option("--sni", shaking_.server_name,
                           "The server name to ask for, and to expect [HOST]");
    handshake_->add_option("--alpn", shaking_.alpn, "Protocols to offer, with commas between")
        ->capture_default_str();
    handshake_->add_option("--ca", shaking_.authorities,
                           "Trust the certificates in this PEM file [the system's]");
    handshake_->add_flag("--resume", shaking_.resume, "Connect again, with the first session");
    handshake_->add_flag("--insecure", shaking_.insecure,
                         "Only tell what is wrong with the certificate");
    handshake_->add_flag("--json", shaking_.json, "Everything as a JSON object, for machines");
    handshake_->footer("Keys are appended to the file that $SSLKEYLOGFILE names, if it is set.");
  }

  CLI::App* add_control(const char* name, const char* about) {
    CLI::App* command = app_.add_subcommand(name, about);
    command->add_option("--control", controlling_.control,
                        "The control socket's path [as the server would find it]");
    command->add_option("-c,--config", controlling_.file,
                        "The configuration that says where the socket is");
    command->add_flag("--json", controlling_.json, "The answer as JSON, for machines");
    return command;
  }

  CLI::App app_{"Sluice, an HTTP server on raw epoll."};
  CLI::App* proxy_ = nullptr;
  CLI::App* run_ = nullptr;
  CLI::App* check_ = nullptr;
  CLI::App* handshake_ = nullptr;
  CLI::App* stop_ = nullptr;
  CLI::App* health_ = nullptr;
  CLI::App* reload_ = nullptr;
  sluice::ServeOptions serving_;
  sluice::ProxyOptions proxying_;
  std::vector<std::string> limits_;
  sluice::RunOptions running_;
  sluice::CheckOptions checking_;
  sluice::HandshakeOptions shaking_;
  sluice::ControlOptions controlling_;
};

}  // namespace

int main(int argc, char** argv) {
  sluice::tls::keep_blocks_for_openssl();
  try {
    return CommandLine().run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sluice: error: %s\n", error.what());
    return 1;
  }
}
