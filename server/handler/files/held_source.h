// Sends a held body: slices of it, pinned by the worker's handle, without a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "cache/worker_index.h"
#include "protocol/body.h"

namespace sluice::handler {

// Thread: the pin's worker.
class HeldSource final : public BodySource {
 public:
  // Requires: the entry's representation has a held body.
  explicit HeldSource(const cache::Pin& pin)
      : handle_(pin.handle.get()), body_(*pin.entry->representation().body()) {}

  Pull pull(Chain& out, size_t max) override {
    Slice slice = body_.read(handle_, sent_, max);
    sent_ += slice.size();
    const bool done = sent_ == body_.length();
    out.append(std::move(slice));
    return done ? Pull::end : Pull::ready;
  }
  std::optional<uint64_t> length() const override { return body_.length(); }
  bool rewind() override {
    sent_ = 0;
    return true;
  }

 private:
  Ref<Owner> handle_;
  const SharedBody& body_;  // pinned by handle_
  size_t sent_ = 0;
};

}  // namespace sluice::handler
