// A stored body with its head, ready to send (RFC 9110 section 3.2).
//
// Invariants:
//   1. Immutable once it is published; replaced whole, never changed.
//   2. Its invariant fields are rendered once, when it is made, for a 200 and for a 304; a response
//   adds only what changes (Date, Connection, Age, Expires).
//   3. The body is either held memory (SharedBody) or an open descriptor (OpenFile), never both.
//
// The files handler stores these, and so will the shared cache. Any thread may read one; a worker
// pins it through a Handle, of its own or of the store entry that holds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "cache/freshness.h"
#include "cache/validators.h"
#include "protocol/message.h"
#include "protocol/open_file.h"
#include "protocol/owner.h"
#include "protocol/shared_body.h"

namespace sluice::cache {

// What decides on conditional requests, ranges and caching; each becomes fields of the response.
struct Metadata {
  Validators validators = {};
  Freshness freshness = {};
  bool accept_ranges = false;  // parts of it may be asked for
};

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
  // section 5.5); what `metadata` makes a field of is not among `fields`.
  static Ref<Representation> of_memory(int status, Parts fields, Ref<SharedBody> body,
                                       const Metadata& metadata = {});
  static Ref<Representation> of_file(int status, Parts fields, Ref<OpenFile> file,
                                     const Metadata& metadata = {});

  int status() const noexcept { return status_; }
  const PreparedFields& fields() const noexcept { return fields_; }
  // Those that a 304 has (RFC 9110 section 15.4.5).
  const PreparedFields& not_modified_fields() const noexcept { return not_modified_fields_; }
  // As they were sent; the tag's octets live as long as this.
  const Validators& validators() const noexcept { return validators_; }
  // Seconds from a response's Date to the Expires that it gets; nothing when it gets none, or has
  // one among its fields.
  std::optional<int64_t> expires_after() const noexcept { return expires_after_; }
  bool accepts_ranges() const noexcept { return accepts_ranges_; }
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
  static Ref<Representation> make(int status, Parts fields, const Metadata& metadata);

  int status_ = 200;
  bool accepts_ranges_ = false;
  PreparedFields fields_;
  PreparedFields not_modified_fields_;
  Validators validators_;  // the tag is in fields_
  std::optional<int64_t> expires_after_;
  uint64_t length_ = 0;
  Ref<SharedBody> body_;
  Ref<OpenFile> file_;
};

}  // namespace sluice::cache
