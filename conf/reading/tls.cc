// Paths, client certificates and the table of a listener.
#include "conf/reading/tls.h"

#include "conf/reading/parts.h"

namespace sluice::conf {

namespace {

// Only warnings: a file is often made or mounted after the configuration was checked, and keys are
// often readable for nobody but the user that serves.
void check_file(const Node& node, const std::string& path, const ReadingContext& context) {
  const std::string where = path == node.text ? std::string() : "looked at " + path;
  switch (context.files.kind(path)) {
    case FileSource::Kind::file:
      return;
    case FileSource::Kind::missing:
      return context.report.warning(Code::missing_tls_file, node.place,
                                    "the file '" + node.text + "' does not exist", {where});
    case FileSource::Kind::unreadable:
      return context.report.warning(Code::unreadable_tls_file, node.place,
                                    "the file '" + node.text + "' cannot be read",
                                    {where, "the user that runs Sluice needs r on it"});
    case FileSource::Kind::folder:
    case FileSource::Kind::other:
      return context.report.warning(Code::unreadable_tls_file, node.place,
                                    "'" + node.text + "' is no file", {where});
  }
}

}  // namespace

std::string read_tls_path(std::string_view name, const Node& node, const std::string& folder,
                          const ReadingContext& context) {
  if (node.text.empty()) {
    context.report.error(Code::empty_value, node.place, "'" + std::string(name) + "' is empty",
                         {"expected the path of a file"});
    return {};
  }
  std::string path =
      context.files.absolute(node.text.starts_with('/') ? node.text : folder + node.text);
  check_file(node, path, context);
  return path;
}

ClientCertificates read_client_certificates(const Node& table, const std::string& folder,
                                            const ReadingContext& context) {
  ClientCertificates clients;
  clients.origin = context.report.origin(table.place);
  const std::string mode = text_or(table, "mode", "off");
  if (mode == "request") clients.mode = ClientCertificates::Mode::request;
  if (mode == "require") clients.mode = ClientCertificates::Mode::require;
  if (const Node* authorities = table.find("authorities")) {
    clients.authorities = read_tls_path("authorities", *authorities, folder, context);
  }
  return clients;
}

namespace {

Tls::Policy read_policy(const Node& node, Report& report) {
  if (node.text == "modern") return Tls::Policy::modern;
  if (node.text != "legacy") return Tls::Policy::intermediate;
  report.warning(
      Code::legacy_policy, node.place,
      "\"legacy\" takes TLS 1.0 and RSA key transport, too: who gets the key can read what was "
      "recorded before",
      {"it is for teaching and for old clients; without `policy` it is "
       "\"intermediate\""});
  return Tls::Policy::legacy;
}

void read_ticket_keys(const Node& node, const std::string& folder, const ReadingContext& context,
                      Tls& tls) {
  if (node.kind == Node::Kind::array && node.items.empty()) {
    context.report.error(Code::empty_value, node.place, "'ticket_keys' is empty",
                         {"leave the key away for keys of the process's own"});
  }
  for (const Node* path : strings_of(node)) {
    tls.ticket_keys.push_back(read_tls_path("ticket_keys", *path, folder, context));
  }
}

}  // namespace

Tls read_tls_table(const Node& table, const std::string& folder, const ReadingContext& context) {
  Tls tls;
  if (const Node* policy = table.find("policy")) tls.policy = read_policy(*policy, context.report);
  tls.refuse_unknown_names = text_or(table, "unknown_name", "default") == "refuse";
  tls.trace_handshakes = flag_or(table, "trace_handshakes", false);
  if (const Node* keys = table.find("ticket_keys")) {
    read_ticket_keys(*keys, folder, context, tls);
  }
  if (const Node* clients = table.find("client_certificates")) {
    tls.client_certificates = read_client_certificates(*clients, folder, context);
  }
  return tls;
}

}  // namespace sluice::conf
