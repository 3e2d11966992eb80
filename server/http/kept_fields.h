// Fields that outlive what they were read from: trailers, which come in a call and wait until their
// content has been passed on.
#pragma once

#include <string>
#include <vector>

#include "protocol/fields.h"
#include "protocol/slice.h"

namespace sluice::http {

class KeptFields {
 public:
  // Adds copies of them.
  void add(const FieldList& fields) {
    for (const Field& field : fields) {
      const Slice& text = texts_.emplace_back(copy_of(std::string(field.name).append(field.value)));
      list_.add(text.view().substr(0, field.name.size()), text.view().substr(field.name.size()),
                field.id);
    }
  }
  void clear() noexcept {
    list_.clear();
    texts_.clear();
  }
  const FieldList& list() const noexcept { return list_; }

 private:
  FieldList list_;
  std::vector<Slice> texts_;  // what list_ points into
};

}  // namespace sluice::http
