// The configuration as a whole: the file's own keys, listeners, their certificates, sites.
#include "conf/reader.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "conf/reading/certificate.h"
#include "conf/reading/include.h"
#include "conf/reading/listener.h"
#include "conf/reading/parts.h"
#include "conf/reading/site.h"
#include "conf/reading/value.h"

namespace sluice::conf {

namespace {

class ConfigurationReader {
 public:
  explicit ConfigurationReader(const ReadingContext& context) : context_(context) {}

  std::shared_ptr<const Configuration> read(const std::string& path) {
    const std::vector<File> files = read_files(path, context_);
    // A main file that is no TOML: whatever else could be said would only be a consequence.
    if (files.empty() || files.front().root.place.source != 0) return nullptr;
    for (const File& file : files) {
      configuration_->files.push_back(report().name(file.root.place.source));
    }
    const Node& main = files.front().root;
    read_process(main, files.front().folder);
    read_limits(main, configuration_->limits, report());
    read_fields(main, fields_, report());
    complete_ = std::none_of(files.begin(), files.end(),
                             [](const File& file) { return file.root.has_bad_entry(); });
    ListenerReader listeners(*configuration_, context_);
    read_listeners(files, listeners);
    CertificateReader certificates(*configuration_, listeners_known_, context_);
    for_each(files, "certificate", [&](const Node& table, const std::string& folder) {
      certificates.read(table, folder);
    });
    const Secrets secrets = read_sites(files, listeners.places());
    certificates.finish(listeners.tls_places(), secrets);
    return configuration_;
  }

 private:
  Report& report() { return context_.report; }

  // Relative ones belong to the file, whatever the folder that Sluice was started in.
  std::string whole_path(const std::string& text, const std::string& folder) {
    return context_.files.absolute(text.starts_with('/') ? text : folder + text);
  }

  void read_path(const Node& table, std::string_view key, const std::string& folder,
                 std::string_view word, std::string& out) {
    const Node* node = table.find(key);
    if (node == nullptr) return;
    if (node->text.empty()) {
      const std::string name(key);
      return report().error(Code::empty_value, node->place, "'" + name + "' is empty",
                            {"expected a path, or \"off\""});
    }
    const bool is_word = node->text == "off" || (!word.empty() && node->text == word);
    out = is_word ? node->text : whole_path(node->text, folder);
  }

  void read_process(const Node& main, const std::string& folder) {
    Configuration& configuration = *configuration_;
    if (const Node* workers = main.find("workers")) {
      configuration.workers = static_cast<size_t>(workers->integer);
    }
    read_path(main, "control", folder, "", configuration.control);
    if (const Node* log = main.find("log")) {
      read_path(*log, "access", folder, "stdout", configuration.log.access);
      read_path(*log, "errors", folder, "stderr", configuration.log.errors);
      configuration.log.format = text_or(*log, "format", configuration.log.format);
      configuration.log.error_format =
          text_or(*log, "error_format", configuration.log.error_format);
      configuration.log.all_errors = text_or(*log, "error_level", "error") == "info";
    }
    if (const Node* unknown = main.find("unknown_host")) {
      const bool status = unknown->kind == Node::Kind::integer;
      configuration.unknown_host = {status ? static_cast<int>(unknown->integer) : 0,
                                    report().origin(unknown->place)};
    }
    read_proxies(main);
  }

  void read_proxies(const Node& main) {
    const Node* proxies = main.find("trusted_proxies");
    if (proxies == nullptr) return;
    for (const Node* text : strings_of(*proxies)) {
      if (const auto block = parse_block(text->text)) {
        configuration_->trusted_proxies.push_back(*block);
      } else {
        proxies_excused_ = true;
        report().error(Code::bad_address_block, text->place,
                       "'" + text->text + "' is no address and no block of them",
                       {"expected for example \"10.0.0.0/8\", \"192.0.2.7\" or \"fd00::/8\""});
      }
    }
  }

  template <typename Read>
  void for_each(const std::vector<File>& files, std::string_view key, Read read) {
    for (const File& file : files) {
      const Node* tables = file.root.find(key);
      if (tables == nullptr) continue;
      for (const Node& table : tables->items) {
        if (!table.bad) read(table, file.folder);
      }
    }
  }

  // Requires: the main file's `trusted_proxies` are read.
  void check_proxy_protocol(const Node& listener) {
    const Entry* entry = listener.entry("proxy_protocol");
    if (entry == nullptr || !flag_or(listener, "proxy_protocol", false)) return;
    if (proxies_excused_ || !configuration_->trusted_proxies.empty()) return;
    report().error(Code::proxy_protocol_without_proxies, entry->key_place,
                   "nobody could connect: no address may send the PROXY protocol's header",
                   {"name the proxies in front: trusted_proxies = [\"10.0.0.0/8\"], above the "
                    "first [header]"});
  }

  void read_listeners(const std::vector<File>& files, ListenerReader& listeners) {
    listeners_known_ = complete_;
    for_each(files, "listener", [&](const Node& table, const std::string& folder) {
      listeners.read(table, folder);
      if (!files.front().root.has_bad_entry()) check_proxy_protocol(table);
      listeners_known_ = listeners_known_ && !table.has_bad_entry();
    });
    listeners.finish();
  }

  // Returns the keys that upstreams are shown.
  Secrets read_sites(const std::vector<File>& files, const std::vector<Place>& listeners) {
    SiteReader sites(*configuration_, fields_, listeners_known_, context_);
    for_each(files, "site",
             [&](const Node& table, const std::string& folder) { sites.read(table, folder); });
    sites.finish(complete_, listeners);
    return sites.secrets();
  }

  const ReadingContext& context_;
  std::shared_ptr<Configuration> configuration_ = std::make_shared<Configuration>();
  std::vector<FieldRule> fields_;
  bool complete_ = true;          // nothing in the files was so wrong that a table may be hidden
  bool proxies_excused_ = false;  // one of trusted_proxies could not be read
  bool listeners_known_ = true;   // nor that a listener is another one than it seems
};

}  // namespace

std::optional<std::string> process_environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

std::string find_configuration() {
  for (const char* path : {"sluice.toml", "/etc/sluice/sluice.toml"}) {
    if (real_files().kind(path) != FileSource::Kind::missing) return path;
  }
  return {};
}

Reading read_configuration(const std::string& path, const Environment& environment,
                           FileSource& files) {
  Report report;
  const ReadingContext context{files, environment, report};
  Reading reading;
  reading.configuration = ConfigurationReader(context).read(path);
  reading.diagnostics = report.take();
  if (has_errors(reading.diagnostics)) reading.configuration = nullptr;
  return reading;
}

Reading read_configuration(const std::string& path, const Environment& environment) {
  return read_configuration(path, environment, real_files());
}

}  // namespace sluice::conf
