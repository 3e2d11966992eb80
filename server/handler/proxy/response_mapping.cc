// Each mapping is written once, over a sink that either counts octets or writes them, so that what
// was measured is what is written.
#include "server/handler/proxy/response_mapping.h"

#include "protocol/grammar.h"
#include "protocol/request_target.h"
#include "protocol/target.h"
#include "server/handler/path_prefix.h"

namespace sluice::handler::proxy {

namespace {

struct Measure {
  Measure& text(std::string_view octets) noexcept {
    size += octets.size();
    return *this;
  }
  size_t size = 0;
};

// Whether a reference's path lies below `base`; a query or a fragment may follow it.
bool starts_below(std::string_view reference, std::string_view base) noexcept {
  if (!reference.starts_with(base)) return false;
  return reference.size() == base.size() ||
         std::string_view("/?#").find(reference[base.size()]) != std::string_view::npos;
}

// An application that was told under which prefix it is seen says it itself.
bool has_prefix_already(std::string_view path, const Places& places) noexcept {
  return places.strip.size() > places.base.size() && starts_below(path, places.strip);
}

// Browsers take '\' for '/', and drop HTAB before they read a reference (URL Standard, "basic URL
// parser").
bool names_another_host(std::string_view reference) noexcept {
  return reference.size() > 1 && reference.front() == '/' &&
         std::string_view("/\\\t").find(reference[1]) != std::string_view::npos;
}

template <typename Sink>
void write_path(std::string_view rest, const Places& places, Sink& sink) {
  if (places.strip.empty()) {
    if (!rest.starts_with('/')) sink.text("/");
    if (names_another_host(rest)) sink.text("/.");  // RFC 3986 section 4.2
  }
  sink.text(places.strip).text(rest);
}

template <typename Sink>
bool map_path(std::string_view path, const Places& places, Sink& sink) {
  if (places.strip == places.base || names_another_host(path)) return false;
  if (has_prefix_already(path, places)) return false;
  if (!starts_below(path, places.base)) return false;
  write_path(path.substr(places.base.size()), places, sink);
  return true;
}

// Takes "scheme://authority" off a reference that begins with the upstream's scheme.
bool split_origin(std::string_view& reference, std::string_view scheme,
                  std::string_view& authority) noexcept {
  const size_t begin = scheme.size() + 3;
  if (!equals_ignoring_case(reference.substr(0, scheme.size()), scheme)) return false;
  if (reference.substr(scheme.size(), 3) != "://") return false;
  reference.remove_prefix(begin);
  authority = reference.substr(0, reference.find_first_of("/?#"));
  reference.remove_prefix(authority.size());
  return valid_authority(authority);
}

bool is_upstream(std::string_view authority, const Places& places) noexcept {
  const unsigned port = default_port(places.upstream_scheme);
  return same_authority(authority, places.sent_authority, port) ||
         same_authority(authority, places.target_authority, port);
}

// The client's, save where the upstream sends it from http to https at the client's own authority:
// mapped back to http, such a redirect would go round for ever.
std::string_view client_scheme(std::string_view authority, const Places& places) noexcept {
  return equals_ignoring_case(authority, places.authority) && places.upstream_scheme == "https"
             ? places.upstream_scheme
             : places.scheme;
}

template <typename Sink>
bool map_reference(std::string_view reference, const Places& places, Sink& sink) {
  if (reference.starts_with('/')) return map_path(reference, places, sink);
  std::string_view authority;
  if (!split_origin(reference, places.upstream_scheme, authority)) return false;
  if (!is_upstream(authority, places) || !starts_below(reference, places.base)) return false;
  const std::string_view scheme = client_scheme(authority, places);
  const bool same = places.strip == places.base && authority == places.authority &&
                    scheme == places.upstream_scheme;
  if (same) return false;
  const bool prefixed = has_prefix_already(reference, places);
  const std::string_view rest = prefixed ? reference.substr(places.strip.size())
                                         : reference.substr(places.base.size());
  if (places.authority.empty()) {
    write_path(rest, places, sink);
  } else {
    sink.text(scheme).text("://").text(places.authority).text(places.strip).text(rest);
  }
  return true;
}

void skip_blanks(std::string_view& text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

// "5; url=/there", the URL maybe in quotes (HTML, "shared declarative refresh steps"): where the
// URL begins. Empty when there is none.
std::string_view refresh_url(std::string_view value) noexcept {
  const size_t separator = value.find_first_of(";,");
  if (separator == std::string_view::npos) return {};
  value.remove_prefix(separator + 1);
  skip_blanks(value);
  if (!equals_ignoring_case(value.substr(0, 3), "url")) return {};
  value.remove_prefix(3);
  skip_blanks(value);
  if (!value.starts_with('=')) return {};
  value.remove_prefix(1);
  skip_blanks(value);
  if (value.empty() || (value.front() != '"' && value.front() != '\'')) return value;
  return value.substr(1, value.find(value.front(), 1) - 1);
}

template <typename Sink>
bool map_refresh(std::string_view value, const Places& places, Sink& sink) {
  const std::string_view url = refresh_url(value);
  if (url.empty()) return false;
  const auto before = static_cast<size_t>(url.data() - value.data());
  sink.text(value.substr(0, before));
  if (!map_reference(url, places, sink)) return false;
  sink.text(value.substr(before + url.size()));
  return true;
}

std::string_view host_of(std::string_view authority) noexcept {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

// A cookie for the upstream's own host would be refused by the client, who asked another one.
bool is_upstreams_domain(std::string_view domain, const Places& places) noexcept {
  if (domain.starts_with('.')) domain.remove_prefix(1);
  if (domain.empty() || equals_ignoring_case(domain, host_of(places.authority))) return false;
  return equals_ignoring_case(domain, host_of(places.sent_authority)) ||
         equals_ignoring_case(domain, host_of(places.target_authority));
}

// The root of an upstream without base holds everything: so does the prefix, which with a slash
// behind it would not match itself (RFC 6265 section 5.1.4).
template <typename Sink>
bool map_cookie_path(std::string_view path, const Places& places, Sink& sink) {
  if (places.strip == places.base || !path.starts_with('/')) return false;
  if (!is_below(path, places.base)) return false;
  std::string_view rest = path.substr(places.base.size());
  if (places.base.empty() && rest == "/") rest = {};
  if (places.strip.empty() && rest.empty()) rest = "/";
  sink.text(places.strip).text(rest);
  return true;
}

// One attribute, with the semicolon before it.
template <typename Sink>
bool map_attribute(std::string_view attribute, const Places& places, Sink& sink) {
  const size_t equals = attribute.find('=');
  if (equals != std::string_view::npos) {
    const std::string_view name = trim(attribute.substr(1, equals - 1));
    const std::string_view value = trim(attribute.substr(equals + 1));
    if (equals_ignoring_case(name, "domain") && is_upstreams_domain(value, places)) return true;
    if (equals_ignoring_case(name, "path")) {
      Measure mapped;
      if (map_cookie_path(value, places, mapped)) {
        sink.text(attribute.substr(0, equals + 1));
        return map_cookie_path(value, places, sink);
      }
    }
  }
  sink.text(attribute);
  return false;
}

template <typename Sink>
bool map_cookie(std::string_view value, const Places& places, Sink& sink) {
  size_t at = value.find(';');
  sink.text(value.substr(0, at));
  bool mapped = false;
  while (at != std::string_view::npos) {
    const size_t next = value.find(';', at + 1);
    if (map_attribute(value.substr(at, next - at), places, sink)) mapped = true;
    at = next;
  }
  return mapped;
}

template <typename Sink>
bool map(MappedField field, std::string_view value, const Places& places, Sink& sink) {
  switch (field) {
    case MappedField::none:
      return false;
    case MappedField::location:
      return map_reference(value, places, sink);
    case MappedField::refresh:
      return map_refresh(value, places, sink);
    case MappedField::set_cookie:
      return map_cookie(value, places, sink);
  }
  return false;
}

}  // namespace

MappedField mapped_field(const Field& field) noexcept {
  if (field.id == FieldId::location) return MappedField::location;
  if (field.id != FieldId::other) return MappedField::none;
  const auto is = [&field](std::string_view name) {
    return equals_ignoring_case(field.name, name);
  };
  switch (field.name.size()) {
    case 7:
      return is("refresh") ? MappedField::refresh : MappedField::none;
    case 10:
      return is("set-cookie") ? MappedField::set_cookie : MappedField::none;
    case 16:
      return is("content-location") ? MappedField::location : MappedField::none;
    default:
      return MappedField::none;
  }
}

std::optional<size_t> mapped_size(MappedField field, std::string_view value, const Places& places) {
  Measure measure;
  if (!map(field, value, places, measure)) return {};
  return measure.size;
}

std::string_view write_mapped(MappedField field, std::string_view value, const Places& places,
                              DerivedText& text) {
  const size_t mark = text.size();
  (void)map(field, value, places, text);
  return text.since(mark);
}

}  // namespace sluice::handler::proxy
