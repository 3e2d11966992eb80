// Where a message's content comes from: whoever sends it asks for more (DESIGN: "backpressure is
// not pulling").
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "protocol/chain.h"
#include "protocol/fields.h"

namespace sluice {

enum class Pull : uint8_t {
  ready,    // at least one octet was appended, more may follow
  pending,  // nothing now; the source wakes its stream when there is
  end,      // the content is complete; octets may have been appended with it
  failed,   // the content cannot be completed: the response must end visibly cut
};

// Thread: its exchange's. Ends with its exchange.
class BodySource {
 public:
  virtual ~BodySource() = default;

  // Appends at most `max` octets (max > 0) to `out`.
  // Requires: no pull after end, failed or cancel.
  virtual Pull pull(Chain& out, size_t max) = 0;

  // Octets of the whole content, when known before it is pulled.
  virtual std::optional<uint64_t> length() const { return std::nullopt; }
  // Trailer fields, known after end; null when there are none.
  virtual const FieldList* trailers() const { return nullptr; }
  // Starts again from the first octet. True only while all that was pulled is still kept (64 KiB at
  // most).
  virtual bool rewind() { return false; }
  // The content is not wanted any more. A cancelled source never wakes its stream.
  virtual void cancel() {}
};

// Destroys a source that lies in memory of its exchange, or deletes one that was made with new.
struct BodySourceDeleter {
  bool in_place = false;
  void operator()(BodySource* source) const {
    if (in_place) {
      source->~BodySource();
    } else {
      delete source;
    }
  }
};
using BodySourcePointer = std::unique_ptr<BodySource, BodySourceDeleter>;

}  // namespace sluice
