// A stored body with its head, ready to send (RFC 9110 section 3.2).
//
// Invariants:
//   1. Immutable once it is published; replaced whole, never changed.
//   2. Its invariant fields are rendered once, when it is made; a response adds only what changes (Date, Connection, Age).
//   3. The body is either held memory (SharedBody) or an open descriptor (OpenFile), never both.
// The files handler stores these, and so will the shared cache. Any thread may read one; a worker pins it through a Handle.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/message.h"
#include "protocol/open_file.h"
#include "protocol/owner.h"
#include "protocol/shared_body.h"

namespace sluice::cache {

class Representation final : public SharedOwner {
 public:
  // Takes over the body's count. `fields` are name and value pairs, copied.
  struct Part {
    std::string_view name;
    std::string_view value;
  };
  static Ref<Representation> of_memory(int status, std::initializer_list<Part> fields, Ref<SharedBody> body);
  static Ref<Representation> of_file(int status, std::initializer_list<Part> fields, Ref<OpenFile> file);

  int status() const noexcept { return status_; }
  const PreparedFields& fields() const noexcept { return fields_; }
  uint64_t length() const noexcept { return length_; }
  SharedBody* body() const noexcept { return body_.get(); }
  OpenFile* file() const noexcept { return file_.get(); }
  // Octets of memory it costs, itself included: what a byte budget counts.
  size_t footprint() const noexcept;

 private:
  Representation() = default;
  ~Representation() override = default;

  int status_ = 200;
  PreparedFields fields_;
  uint64_t length_ = 0;
  Ref<SharedBody> body_;
  Ref<OpenFile> file_;
};

}  // namespace sluice::cache
