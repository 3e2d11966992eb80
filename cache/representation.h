// A stored body with its head, ready to send (RFC 9110 section 3.2).
//
// Invariants:
//   1. Immutable once it is published; replaced whole, never changed.
//   2. Its invariant fields are rendered once, when it is made; a response adds only what changes
//   (Date, Connection,
//      Age).
//   3. The body is either held memory (SharedBody) or an open descriptor (OpenFile), never both.
//
// The files handler stores these, and so will the shared cache. Any thread may read one; a worker
// pins it through a Handle, of its own or of the store entry that holds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "protocol/message.h"
#include "protocol/open_file.h"
#include "protocol/owner.h"
#include "protocol/shared_body.h"

namespace sluice::cache {

class Representation final : public SharedOwner {
 public:
  // One field; copied. A part with an empty value is left out, so that a caller need not build a
  // list.
  struct Part {
    std::string_view name;
    std::string_view value;
  };
  using Parts = std::initializer_list<Part>;

  // Both take over the body's count. Requires: values are valid field values (RFC 9110
  // section 5.5).
  static Ref<Representation> of_memory(int status, Parts fields, Ref<SharedBody> body);
  static Ref<Representation> of_file(int status, Parts fields, Ref<OpenFile> file);

  int status() const noexcept { return status_; }
  const PreparedFields& fields() const noexcept { return fields_; }
  // Octets of the body. A held body is complete when its representation is made.
  uint64_t length() const noexcept { return length_; }
  // Exactly one of the two is not null.
  SharedBody* body() const noexcept { return body_.get(); }
  OpenFile* file() const noexcept { return file_.get(); }
  // Octets of memory it costs, itself included: what a byte budget counts.
  size_t footprint() const noexcept;

 private:
  Representation() = default;
  ~Representation() override = default;
  static Ref<Representation> make(int status, Parts fields);

  int status_ = 200;
  PreparedFields fields_;
  uint64_t length_ = 0;
  Ref<SharedBody> body_;
  Ref<OpenFile> file_;
};

}  // namespace sluice::cache
