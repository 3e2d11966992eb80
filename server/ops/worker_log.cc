// Per request this is: one bound, one reserve, one rendering, one commit, one look at the bell.
#include "server/ops/worker_log.h"

#include "server/ops/json_line.h"
#include "server/ops/text_line.h"

namespace sluice::ops {

WorkerLog::WorkerLog(LineForm form, size_t ring_octets, Bell& bell)
    : form_(form),
      date_(form == LineForm::json ? CachedDate::Form::rfc3339 : CachedDate::Form::local_clock),
      bell_(bell),
      ring_(ring_octets) {}

void WorkerLog::record(const http::ExchangeRecord& record) {
  const bool json = form_ == LineForm::json;
  char* begin = ring_.reserve(json ? json_bound(record) : text_bound(record));
  if (begin == nullptr) {
    dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    ring_if_wanted();  // the writer tells of it, also when this line alone was too long for an
                       // empty ring
    return;
  }
  const char* end = json ? render_json(begin, record, date_)
                         : render_text(begin, record, date_, form_ == LineForm::coloured_text);
  ring_.commit(static_cast<size_t>(end - begin));
  ring_if_wanted();
}

void WorkerLog::ring_if_wanted() noexcept {
  const Bell::Waiting waiting = bell_.waiting();
  if (waiting == Bell::Waiting::no) return;
  if (waiting == Bell::Waiting::any || ring_.half_full()) bell_.ring();
}

}  // namespace sluice::ops
