// Rendering a representation's invariant fields once, so that HTTP/1 sends them as one slice and
// HTTP/2 reads the list. Both views lie in one string, which never moves after it is filled.
#include "cache/representation.h"

#include <utility>

namespace sluice::cache {

namespace {

constexpr std::string_view kColon = ": ";
constexpr std::string_view kLineEnd = "\r\n";

size_t rendered_size(Representation::Parts fields) noexcept {
  size_t size = 0;
  for (const Representation::Part& part : fields) {
    if (part.value.empty()) continue;
    size += part.name.size() + kColon.size() + part.value.size() + kLineEnd.size();
  }
  return size;
}

void render(Representation::Parts fields, PreparedFields& out) {
  std::string& text = out.h1;
  text.reserve(rendered_size(fields));  // the views below point into it: it must not grow
  for (const Representation::Part& part : fields) {
    if (part.value.empty()) continue;
    const size_t name = text.size();
    text.append(part.name).append(kColon);
    const size_t value = text.size();
    text.append(part.value).append(kLineEnd);
    const std::string_view all = text;
    out.fields.add(all.substr(name, part.name.size()), all.substr(value, part.value.size()));
  }
}

}  // namespace

Ref<Representation> Representation::make(int status, Parts fields) {
  Ref<Representation> made = Ref<Representation>::adopt(new Representation());
  made->status_ = status;
  render(fields, made->fields_);
  return made;
}

Ref<Representation> Representation::of_memory(int status, Parts fields, Ref<SharedBody> body) {
  Ref<Representation> made = make(status, fields);
  made->length_ = body->length();
  made->body_ = std::move(body);
  return made;
}

Ref<Representation> Representation::of_file(int status, Parts fields, Ref<OpenFile> file) {
  Ref<Representation> made = make(status, fields);
  made->length_ = file->size();
  made->file_ = std::move(file);
  return made;
}

size_t Representation::footprint() const noexcept {
  const size_t held = body_ ? sizeof(SharedBody) + body_->length() : sizeof(OpenFile);
  return sizeof(*this) + fields_.h1.capacity() + fields_.fields.size() * sizeof(Field) + held;
}

}  // namespace sluice::cache
