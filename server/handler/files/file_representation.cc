// From facts to fields.
#include "server/handler/files/file_representation.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace sluice::handler {

namespace {

// The fallback stands for many paths, and for one only when a navigation asks.
constexpr std::string_view vary_of(const FileEntry::Facts& facts) noexcept {
  return facts.fallback ? kFallbackVary : std::string_view();
}

// Nothing where the time says nothing: reproducible builds set 0 or 1, and a time in the future
// must not be sent (RFC 9110 section 8.8.2.1).
std::optional<int64_t> last_modified(const FileIdentity& identity) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const int64_t modified = identity.modified_seconds;
  if (modified <= 1 || modified > now.time_since_epoch().count()) return std::nullopt;
  return modified;
}

// A fallback is as fresh as the page that it is: what a rule says of the paths that are missing is
// not meant for it.
cache::Metadata about(const FileSite& site, std::string_view key, const FileEntry::Facts& facts,
                      std::string_view tag) {
  const std::string root = site.options().strip + "/";
  const std::string_view path = facts.fallback ? std::string_view(root) : key;
  const std::string_view type = site.media_type(facts.path);
  return {.validators = {.entity_tag = tag, .last_modified = last_modified(facts.identity)},
          .freshness = site.freshness(path, facts.path, type),
          .accept_ranges = true};
}

}  // namespace

Ref<cache::Representation> represent(const FileSite& site, std::string_view key,
                                     const FileEntry::Facts& facts, std::string_view tag,
                                     Ref<SharedBody> body) {
  return cache::Representation::of_memory(
      200, {{"Content-Type", site.media_type(facts.path)}, {"Vary", vary_of(facts)}},
      std::move(body), about(site, key, facts, tag));
}

Ref<cache::Representation> represent(const FileSite& site, std::string_view key,
                                     const FileEntry::Facts& facts, std::string_view tag,
                                     Ref<OpenFile> file) {
  return cache::Representation::of_file(
      200, {{"Content-Type", site.media_type(facts.path)}, {"Vary", vary_of(facts)}},
      std::move(file), about(site, key, facts, tag));
}

Ref<FileEntry> with_tag(const FileSite& site, const FileEntry& entry, const ContentTag& tag) {
  Ref<OpenFile> file(entry.representation().file());
  return Ref<FileEntry>::adopt(new FileEntry(
      entry, represent(site, entry.key(), entry.facts(), tag.view(), std::move(file))));
}

}  // namespace sluice::handler
