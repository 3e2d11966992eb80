// Responses: any octets give the same events however they are cut, whatever was asked.
#include "tests/fuzz/feeding.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using sluice::Method;
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  for (const Method asked : {Method::get, Method::head, Method::connect}) {
    sluice::fuzz::same_events_however_cut<sluice::h1::ClientReader>(octets, asked);
  }
  return 0;
}
