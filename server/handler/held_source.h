// Sends a held body: slices of it, pinned by the worker's handle, without a copy.
#pragma once

#include <algorithm>
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
  // Sends the octets [begin, end). Requires: the entry's representation has a held body, and they
  // lie within its length.
  HeldSource(const cache::Pin& pin, size_t begin, size_t end)
      : handle_(pin.handle.get()),
        headed_(pin.headed),
        body_(*pin.entry->representation().body()),
        begin_(begin),
        end_(end),
        at_(begin) {}

  Pull pull(Chain& out, size_t max) override {
    if (lay_behind_head(out, max)) return Pull::end;
    Slice slice = body_.read(handle_, at_, std::min(max, end_ - at_));
    at_ += slice.size();
    out.append(std::move(slice));
    return at_ == end_ ? Pull::end : Pull::ready;
  }
  std::optional<uint64_t> length() const override { return end_ - begin_; }
  bool rewind() override {
    at_ = begin_;
    return true;
  }

 private:
  // The whole body in one piece with the head before it, when the worker has a copy for that and it
  // is free.
  bool lay_behind_head(Chain& out, size_t max) {
    if (!headed_ || at_ != 0 || end_ != headed_->size() || end_ > max) return false;
    Ref<Owner> pin = headed_->lend();
    if (!pin) return false;
    at_ = end_;
    out.append_with_room(std::move(pin), headed_->data(), end_, HeadedBody::kRoom);
    return true;
  }

  Ref<Owner> handle_;
  Ref<HeadedBody> headed_;
  const SharedBody& body_;  // pinned by handle_
  const size_t begin_;
  const size_t end_;
  size_t at_;
};

}  // namespace sluice::handler
