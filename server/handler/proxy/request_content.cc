// Pulling, keeping, and beginning again.
#include "server/handler/proxy/request_content.h"

#include <algorithm>
#include <utility>

namespace sluice::handler::proxy {

void RequestContent::open(http::RequestBody& body, const net::Loop& loop, uint64_t keep,
                          bool hold_back, const Forwarding* forwarding) {
  body_ = &body;
  loop_ = &loop;
  forwarding_ = forwarding;
  taken_at_ = loop.now();
  keep_most_ = keep;
  held_back_ = hold_back;
  pulled_ = 0;
  body_ended_ = body_failed_ = ended_ = lost_ = false;
}

void RequestContent::pipe_through(net::PipePool& pipes) noexcept {
  if (length().value_or(0) <= keep_most_) return;
  keep_most_ = 0;
  body_->allow_pipe(pipes);
}

void RequestContent::let_go() noexcept {
  held_back_ = false;
  taken_at_ = loop_->now();
}

void RequestContent::close() {
  ahead_.clear();
  small_ = {};
  kept_.clear();
  if (kept_.capacity() > 4096) kept_.shrink_to_fit();
  trailers_.clear();
  body_ = nullptr;
}

// What was gathered, or is to be sent again, before what comes.
Pull RequestContent::pull_ahead(Chain& out, size_t max) {
  ahead_.split(std::min<uint64_t>(max, ahead_.size()), out);
  if (!ahead_.empty() || !(body_ended_ || body_failed_)) return Pull::ready;
  return body_failed_ ? Pull::failed : Pull::end;
}

Pull RequestContent::pull(Chain& out, size_t max) {
  if (held_back_) return Pull::pending;
  Chain content;
  Pull result = Pull::ready;
  if (!ahead_.empty()) {
    result = pull_ahead(content, max);
  } else if (body_ended_ || body_failed_) {
    result = body_failed_ ? Pull::failed : Pull::end;
  } else {
    result = body_->pull(content, max);
    body_ended_ = result == Pull::end;
    body_failed_ = result == Pull::failed;
  }
  pulled_ += content.size();
  if (!content.empty() || result == Pull::end) taken_at_ = loop_->now();
  keep(content);
  out.append(std::move(content));
  ended_ = result == Pull::end;
  if (ended_) take_trailers();
  return result;
}

// Many applications merge them into the head's fields: what must not stand there must not come
// behind the content either.
void RequestContent::take_trailers() {
  trailers_.clear();
  const FieldList* const received = body_->trailers();
  if (received == nullptr) return;
  for (const Field& field : *received) {
    if (forwarding_ == nullptr || forwarding_->passes_as_trailer(field)) trailers_.add(field);
  }
}

// A copy: what is kept would else pin the blocks that it came in, many times its size.
void RequestContent::keep(Chain& octets) {
  if (lost_ || octets.empty()) return;
  if (kept_.size() + octets.size() > keep_most_) {
    lost_ = true;
    kept_.clear();
    return;
  }
  kept_.append(octets.to_string());
}

bool RequestContent::gather(uint64_t most) {
  while (!body_ended_ && !body_failed_ && ahead_.size() + small_.size() < most) {
    Chain content;
    const uint64_t room = most - ahead_.size() - small_.size();
    const Pull result = body_->pull(content, static_cast<size_t>(room));
    put_aside(content);
    if (result == Pull::pending) return false;
    body_ended_ = result == Pull::end;
    body_failed_ = result == Pull::failed;
  }
  join_small();
  return true;
}

// Each piece pins the block that it came in, however small it is: so small ones are copied, many
// into one.
void RequestContent::put_aside(Chain& content) {
  static constexpr size_t kSmall = 1024;
  if (content.size() >= kSmall) {
    join_small();
    return ahead_.append(std::move(content));
  }
  if (!content.empty()) small_.append(content.to_string());
  if (small_.size() >= 16 * kSmall) join_small();
}

void RequestContent::join_small() {
  if (small_.empty()) return;
  ahead_.append(copy_of(small_));
  small_.clear();
}

std::optional<uint64_t> RequestContent::length() const {
  if (body_ended_ && pulled_ == 0) return ahead_.size();
  return body_->length();
}

bool RequestContent::rewind() {
  if (lost_) return false;
  Chain again;
  if (!kept_.empty()) again.append(copy_of(kept_));
  again.append(std::move(ahead_));
  ahead_ = std::move(again);
  kept_.clear();
  pulled_ = 0;
  ended_ = false;
  return true;
}

}  // namespace sluice::handler::proxy
