// Sends a held body: slices of it, pinned by the worker's handle, without a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "cache/worker_index.h"
#include "protocol/body.h"

namespace sluice::handler {

// Thread: the pin's worker.
class HeldSource final : public BodySource {
 public:
  // Requires: the entry's representation has a held body.
  explicit HeldSource(const cache::Pin& pin)
      : handle_(pin.handle.get()),
        headed_(pin.headed),
        body_(*pin.entry->representation().body()) {}

  Pull pull(Chain& out, size_t max) override {
    if (lay_behind_head(out, max)) return Pull::end;
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
  // The whole body in one piece with the head before it, when the worker has a copy for that and it
  // is free.
  bool lay_behind_head(Chain& out, size_t max) {
    if (!headed_ || sent_ != 0 || headed_->size() > max) return false;
    Ref<Owner> pin = headed_->lend();
    if (!pin) return false;
    sent_ = headed_->size();
    out.append_with_room(std::move(pin), headed_->data(), sent_, HeadedBody::kRoom);
    return true;
  }

  Ref<Owner> handle_;
  Ref<HeadedBody> headed_;
  const SharedBody& body_;  // pinned by handle_
  size_t sent_ = 0;
};

}  // namespace sluice::handler
