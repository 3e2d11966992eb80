// Which client speaks for which workload.
#include "bench/loopback/client.h"

#include "bench/loopback/h1_client.h"
#include "bench/loopback/h2_client.h"

namespace sluice::bench {

std::unique_ptr<Client> make_client(const Workload& workload) {
  if (workload.version == Version::http2) return std::make_unique<H2Client>();
  return std::make_unique<H1Client>();
}

}  // namespace sluice::bench
