// Reading a proxy's table, or the URL alone.
#include "conf/reading/proxy.h"

#include <cctype>
#include <string_view>

#include "conf/own_listener.h"
#include "conf/quantity.h"
#include "conf/reading/parts.h"
#include "conf/reading/tls.h"
#include "conf/reading/value.h"
#include "conf/upstream_url.h"

namespace sluice::conf {

namespace {

class ProxyReader {
 public:
  explicit ProxyReader(const ProxyScope& scope) : scope_(scope) {}

  std::optional<ProxyAction> read(const Node& node) {
    const bool table = node.kind == Node::Kind::table;
    const Node* to = table ? node.find("to") : &node;
    if (to == nullptr || !read_target(*to)) return std::nullopt;
    if (table) read_table(node);
    if (target().tls && !node.has_bad_entry()) check_name(node);
    check_listener(*to);
    if (!good_) return std::nullopt;
    return std::move(action_);
  }

 private:
  Report& report() { return scope_.context.report; }
  UpstreamTarget& target() { return action_.target; }

  void error(Code code, const Place& place, std::string message, Report::Notes notes = {}) {
    good_ = false;
    report().error(code, place, std::move(message), std::move(notes));
  }

  bool read_target(const Node& to) {
    UpstreamUrl url;
    if (const auto problem = parse_upstream(to.text, scope_.folder, scope_.context.files, url)) {
      const Place place =
          problem->part.empty() ? to.place : report().within(to.place, problem->part);
      error(problem->code, place, "this is no upstream: " + problem->message, {problem->note});
      return false;
    }
    action_.target = std::move(url.target);
    action_.base = std::move(url.base);
    action_.to = to.text;
    return true;
  }

  void check_listener(const Node& to) {
    const Listener* own = own_listener(target(), scope_.listeners, scope_.context.files);
    if (own == nullptr) return;
    error(Code::upstream_is_listener, to.place,
          "this is no upstream: '" + to.text + "' is where Sluice itself listens",
          {own->origin.empty() ? "without a [[listener]] it listens at " + own->address
                               : "the listener is at " + own->origin});
  }

  void read_table(const Node& node) {
    if (const Node* strip = node.find("strip")) {
      action_.strip = read_strip(*strip, scope_.match, report());
    }
    if (const Node* host = node.find("host")) read_host(*host);
    read_choices(node);
    read_request_fields(node, action_.fields, report());
    action_.underscores = flag_or(node, "underscores", false);
    if (const Node* size = node.find("buffer_request")) read_buffer(*size);
    const Entry* tls = node.entry("tls");
    if (tls != nullptr && !tls->value.bad) read_tls(*tls);
  }

  void read_host(const Node& host) {
    const std::string problem = parse_sent_host(host.text, action_);
    if (problem.empty()) return;
    error(Code::bad_host, host.place, "'" + host.text + "' is no host to tell: " + problem,
          {"expected \"keep\", \"upstream\" or a name, for example \"app.example.com\""});
  }

  void read_choices(const Node& node) {
    const std::string http2 = text_or(node, "http2", "negotiated");
    if (http2 == "always") target().http2 = UpstreamTarget::Http2::always;
    if (http2 == "never") target().http2 = UpstreamTarget::Http2::never;
    const std::string header = text_or(node, "proxy_protocol", "off");
    if (header == "v1") target().proxy_protocol = UpstreamTarget::ProxyProtocol::v1;
    if (header == "v2") target().proxy_protocol = UpstreamTarget::ProxyProtocol::v2;
  }

  void read_buffer(const Node& size) {
    const bool number = size.kind == Node::Kind::integer;
    std::string text = number ? std::to_string(size.integer) : size.text;
    // "1 MiB" is "1MiB".
    const size_t space = text.find(' ');
    const bool unit = space != std::string::npos && space > 0 && space + 1 < text.size() &&
                      std::isalpha(static_cast<unsigned char>(text[space + 1])) != 0;
    if (unit) text.erase(space, 1);
    const std::optional<uint64_t> octets = parse_quantity(Unit::octets, text);
    if (octets) {
      action_.buffer_request = *octets;
    } else {
      error(Code::bad_size, size.place, "'buffer_request' is '" + size.text + "'",
            {"expected " + expected_quantity(Unit::octets)});
    }
  }

  void read_tls(const Entry& entry) {
    const Node& table = entry.value;
    if (!target().tls && target().path.empty()) {
      return error(Code::upstream_tls_in_clear_text, entry.key_place,
                   "'tls' does nothing here: http:// is clear text",
                   {"write https://... in `to`, or take `tls` away"});
    }
    UpstreamTls& tls = target().tls.emplace();
    tls.verify = flag_or(table, "verify", true);
    tls.authorities = path_or_none(table, "authorities");
    tls.certificate = path_or_none(table, "certificate");
    tls.key = path_or_none(table, "key");
    if (const Node* key = table.find("key")) scope_.secrets.emplace_back(tls.key, key->place);
    if (const Node* name = table.find("name")) read_name(*name);
    check_pair(table);
    if (!tls.verify) warn_of_no_verification(table);
  }

  std::string path_or_none(const Node& table, std::string_view key) {
    const Node* node = table.find(key);
    if (node == nullptr) return {};
    std::string path = read_tls_path(key, *node, scope_.folder, scope_.context);
    good_ = good_ && !path.empty();
    return path;
  }

  void read_name(const Node& name) {
    target().tls->name = lower(name.text);
    const std::string problem = name.text.starts_with('*') ? "it is written out, without wildcards"
                                                           : host_problem(target().tls->name);
    if (!problem.empty()) {
      return error(Code::bad_host, name.place,
                   "'" + name.text + "' is no name to expect: " + problem);
    }
    // As in UpstreamTarget::host, an IPv6 address has no brackets.
    std::string& expected = target().tls->name;
    if (expected.starts_with('[')) expected = expected.substr(1, expected.size() - 2);
  }

  // A certificate is shown with its key or not at all.
  void check_pair(const Node& table) {
    const Entry* certificate = table.entry("certificate");
    const Entry* key = table.entry("key");
    if (table.has_bad_entry() || (certificate == nullptr) == (key == nullptr)) return;
    const bool shown = certificate != nullptr;
    error(Code::certificate_without_key, (shown ? certificate : key)->key_place,
          shown ? "tls of proxy has a 'certificate' and no 'key'"
                : "tls of proxy has a 'key' and no 'certificate'",
          {shown ? "expected key = \"certs/client.key\""
                 : "expected certificate = \"certs/client.pem\""});
  }

  void warn_of_no_verification(const Node& table) {
    report().warning(Code::upstream_not_verified, table.entry("verify")->key_place,
                     "whoever answers in the upstream's place is believed: its certificate is not "
                     "verified",
                     {"name those who signed it in `authorities` instead"});
    const Entry* authorities = table.entry("authorities");
    if (authorities == nullptr) return;
    report().warning(Code::unused_authorities, authorities->key_place,
                     "'authorities' does nothing where nothing is verified");
  }

  // SRV has a name in it that a certificate can be for (RFC 6125 section 6.2.1).
  void check_name(const Node& node) {
    const UpstreamTls& tls = *target().tls;
    if (!tls.verify || !tls.name.empty() || target().path.empty()) return;
    const Entry& entry = *node.entry("tls");  // without it a socket is clear text
    if (entry.value.has_bad_entry() || entry.value.find("name") != nullptr) return;
    error(Code::upstream_without_name, entry.key_place,
          "nothing says which name the certificate is for: a Unix socket has none",
          {"expected tls = { name = \"app.example.com\" }"});
  }

  const ProxyScope& scope_;
  ProxyAction action_;
  bool good_ = true;
};

}  // namespace

std::optional<ProxyAction> read_proxy(const Node& node, const ProxyScope& scope) {
  return ProxyReader(scope).read(node);
}

}  // namespace sluice::conf
