// Rendering a representation's invariant fields once, so that HTTP/1 sends them as one slice and
// HTTP/2 reads the list. Both views lie in one string, which never moves after it is filled.
#include "cache/representation.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "protocol/http_date.h"

namespace sluice::cache {

namespace {

constexpr std::string_view kColon = ": ";
constexpr std::string_view kLineEnd = "\r\n";

using Part = Representation::Part;

// All fields in their order: the caller's, then what the metadata says.
std::vector<Part> all_fields(Representation::Parts fields, std::initializer_list<Part> metadata) {
  std::vector<Part> all(fields);
  all.insert(all.end(), metadata);
  std::erase_if(all, [](const Part& part) { return part.value.empty(); });
  return all;
}

// Of the fields of a 200 those that its 304 repeats (RFC 9110 section 15.4.5). The date of the last
// modification would say nothing more to whoever has a tag.
bool is_for_not_modified(std::string_view name, bool has_tag) noexcept {
  static constexpr std::array<std::string_view, 5> kRepeated{"Cache-Control", "Content-Location",
                                                             "ETag", "Expires", "Vary"};
  return (!has_tag && equals_ignoring_case(name, "Last-Modified")) ||
         std::ranges::any_of(kRepeated, [name](std::string_view repeated) {
           return equals_ignoring_case(name, repeated);
         });
}

void render(const std::vector<Part>& fields, PreparedFields& out) {
  size_t size = 0;
  for (const Part& part : fields) {
    size += part.name.size() + kColon.size() + part.value.size() + kLineEnd.size();
  }
  std::string& text = out.h1;
  text.reserve(size);  // the views below point into it: it must not grow
  for (const Part& part : fields) {
    const size_t name = text.size();
    text.append(part.name).append(kColon);
    const size_t value = text.size();
    text.append(part.value).append(kLineEnd);
    const std::string_view all = text;
    out.fields.add(all.substr(name, part.name.size()), all.substr(value, part.value.size()));
  }
}

size_t footprint_of(const PreparedFields& fields) noexcept {
  return fields.h1.capacity() + fields.fields.size() * sizeof(Field);
}

}  // namespace

Ref<Representation> Representation::make(int status, Parts fields, const Metadata& metadata) {
  std::array<char, kHttpDateSize> date{};
  std::array<char, kCacheControlSize> cache_control{};
  const std::string_view tag = metadata.validators.entity_tag;
  const std::optional<int64_t> modified = metadata.validators.last_modified;
  if (modified) write_http_date(*modified, date);
  std::vector<Part> all = all_fields(
      fields, {{"ETag", tag},
               {"Last-Modified", std::string_view(date.data(), modified ? date.size() : 0)},
               {"Cache-Control", write_cache_control(metadata.freshness, cache_control)},
               {"Expires", fixed_expires(metadata.freshness)},
               {"Accept-Ranges", metadata.accept_ranges ? "bytes" : ""}});
  Ref<Representation> made = Ref<Representation>::adopt(new Representation());
  made->status_ = status;
  made->accepts_ranges_ = metadata.accept_ranges;
  made->expires_after_ = cache::expires_after(metadata.freshness);
  render(all, made->fields_);
  made->validators_ = {.entity_tag = tag.empty() ? tag : made->fields_.fields.find("ETag")->value,
                       .last_modified = modified};
  std::erase_if(all,
                [tag](const Part& part) { return !is_for_not_modified(part.name, !tag.empty()); });
  render(all, made->not_modified_fields_);
  return made;
}

Ref<Representation> Representation::of_memory(int status, Parts fields, Ref<SharedBody> body,
                                              const Metadata& metadata) {
  Ref<Representation> made = make(status, fields, metadata);
  made->length_ = body->length();
  made->body_ = std::move(body);
  return made;
}

Ref<Representation> Representation::of_file(int status, Parts fields, Ref<OpenFile> file,
                                            const Metadata& metadata) {
  Ref<Representation> made = make(status, fields, metadata);
  made->length_ = file->size();
  made->file_ = std::move(file);
  return made;
}

size_t Representation::footprint() const noexcept {
  const size_t held = body_ ? sizeof(SharedBody) + body_->length() : sizeof(OpenFile);
  return sizeof(*this) + footprint_of(fields_) + footprint_of(not_modified_fields_) + held;
}

}  // namespace sluice::cache
