// The thing a route does: answer a request.
#pragma once

namespace sluice::http {

class Exchange;

// Answers now, or later on the exchange's thread, through Exchange::interim and Exchange::respond.
// Never blocks; cannot see the HTTP version. One handler object serves many exchanges of one
// worker; what belongs to a single request lives in its source. Outlives the exchanges it was
// given.
class Handler {
 public:
  virtual ~Handler() = default;

  // The request's head is complete; its content may still be arriving. Called while parsing: may
  // only set state.
  virtual void start(Exchange& exchange) = 0;
  // Request content arrived or ended since the last pull. After respond() only when it was claimed.
  virtual void on_request_body(Exchange&) {}
  // The exchange ends before respond() was called: forget it.
  virtual void cancel(Exchange&) {}
};

}  // namespace sluice::http
