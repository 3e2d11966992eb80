// Per request this is: one bound, one reserve, one rendering, one commit, one look at the bell.
#include "server/ops/worker_log.h"

#include <algorithm>
#include <cstring>

#include "server/ops/combined_line.h"
#include "server/ops/error_line.h"
#include "server/ops/handshake_line.h"
#include "server/ops/json_line.h"
#include "server/ops/text_line.h"

namespace sluice::ops {
namespace {

CachedDate::Form date_form(LineForm form) noexcept {
  if (form == LineForm::combined) return CachedDate::Form::common;
  if (form == LineForm::text || form == LineForm::coloured_text)
    return CachedDate::Form::local_clock;
  return CachedDate::Form::rfc3339;
}

}  // namespace

WorkerLog::WorkerLog(LineForm form, size_t ring_octets, Bell& bell)
    : form_(form), date_(date_form(form)), bell_(bell), ring_(ring_octets) {}

void WorkerLog::record(const http::ExchangeRecord& record) {
  char* begin = ring_.reserve(bound(record));
  if (begin == nullptr) return drop();
  const char* end = render(begin, record);
  ring_.commit(static_cast<size_t>(end - begin));
  ring_if_wanted();
}

void WorkerLog::failed_handshake(const http::HandshakeRecord& record) {
  append(form_ == LineForm::error_json ? failed_handshake_json(record, date_)
                                       : failed_handshake_text(record, date_));
}

void WorkerLog::handshake_trace(const http::HandshakeRecord& record) {
  const size_t most = std::min(kMostTrace, ring_.capacity() / 4);
  append(form_ == LineForm::error_json ? handshake_trace_json(record, date_, most)
                                       : handshake_trace_text(record, date_, most));
}

void WorkerLog::append(std::string_view lines) noexcept {
  char* const begin = lines.empty() ? nullptr : ring_.reserve(lines.size());
  if (begin == nullptr) return drop();
  std::memcpy(begin, lines.data(), lines.size());
  ring_.commit(lines.size());
  ring_if_wanted();
}

void WorkerLog::drop() noexcept {
  dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  // The writer tells of it, also when this line alone was too long for an empty ring.
  ring_if_wanted();
}

size_t WorkerLog::bound(const http::ExchangeRecord& record) const noexcept {
  switch (form_) {
    case LineForm::json:
    case LineForm::error_json:
      return json_bound(record);
    case LineForm::combined:
      return combined_bound(record);
    case LineForm::error:
      return error_bound(record);
    case LineForm::text:
    case LineForm::coloured_text:
      break;
  }
  return text_bound(record);
}

char* WorkerLog::render(char* out, const http::ExchangeRecord& record) noexcept {
  switch (form_) {
    case LineForm::json:
    case LineForm::error_json:
      return render_json(out, record, date_);
    case LineForm::combined:
      return render_combined(out, record, date_);
    case LineForm::error:
      return render_error(out, record, date_);
    case LineForm::text:
    case LineForm::coloured_text:
      break;
  }
  return render_text(out, record, date_, form_ == LineForm::coloured_text);
}

void WorkerLog::ring_if_wanted() noexcept {
  const Bell::Waiting waiting = bell_.waiting();
  if (waiting == Bell::Waiting::no) return;
  if (waiting == Bell::Waiting::any || ring_.half_full()) bell_.ring();
}

}  // namespace sluice::ops
