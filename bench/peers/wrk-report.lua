-- Prints what wrk counted as one line of JSON, so that nothing is read out of rounded text.
-- No function named request or response is defined here: wrk then keeps its fast path.
function done(summary, latency, requests)
  local e = summary.errors
  print(string.format(
    'wrk-json {"requests":%d,"bytes":%.0f,"microseconds":%d,"p50":%d,"p99":%d,'
      .. '"connect_errors":%d,"read_errors":%d,"write_errors":%d,"status_errors":%d,"timeouts":%d}',
    summary.requests, summary.bytes, summary.duration, latency:percentile(50),
    latency:percentile(99), e.connect, e.read, e.write, e.status, e.timeout))
end
