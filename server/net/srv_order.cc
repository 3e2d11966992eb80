// Drawing lots as RFC 2782 says it: the ones with weight 0 first, so that they have a small chance;
// then a number up to the sum of what is left, and the first whose running sum reaches it.
#include "server/net/srv_order.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace sluice::net {

namespace {

using Place = std::vector<SrvRecord>::iterator;

Place draw(Place first, Place last, std::mt19937& random) {
  uint32_t sum = 0;
  for (Place here = first; here != last; ++here) sum += here->weight;
  const uint32_t lot = std::uniform_int_distribution<uint32_t>(0, sum)(random);
  uint32_t running = 0;
  for (Place here = first; here != last; ++here) {
    running += here->weight;
    if (running >= lot) return here;
  }
  return std::prev(last);  // not reached: the last running sum is the sum
}

void order_equals(Place first, Place last, std::mt19937& random) {
  for (; first != last; ++first) {
    const Place drawn = draw(first, last, random);
    std::rotate(first, drawn, std::next(drawn));  // the others keep their order
  }
}

}  // namespace

void order_services(std::vector<SrvRecord>& services, std::mt19937& random) {
  std::stable_sort(services.begin(), services.end(), [](const auto& one, const auto& other) {
    if (one.priority != other.priority) return one.priority < other.priority;
    return one.weight == 0 && other.weight != 0;
  });
  for (Place first = services.begin(); first != services.end();) {
    const Place last = std::find_if(first, services.end(), [first](const SrvRecord& record) {
      return record.priority != first->priority;
    });
    order_equals(first, last, random);
    first = last;
  }
}

}  // namespace sluice::net
