// HTTP/2 in clear text by prior knowledge (RFC 9113 section 3.3): the codec in its role client over
// a blocking socket. All requests of a batch are in flight at once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/loopback/client.h"
#include "bench/loopback/connection.h"
#include "protocol/block.h"
#include "protocol/chain.h"
#include "protocol/h2/codec.h"

namespace sluice::bench {

class H2Client final : public Client, private h2::CodecEvents {
 public:
  H2Client();
  [[nodiscard]] std::string connect(uint16_t port) override;
  [[nodiscard]] std::string run(const Workload& workload, size_t requests) override;

 private:
  // What has come of one response; compared as it comes.
  class Response final : public ClientSink {
   public:
    void expect(const Workload& workload);
    void on_response_head(ResponseHead& head, bool has_body) override;
    void on_body(Slice octets) override;
    void on_trailers(const FieldList& trailers) override;
    void on_end() override;
    void on_reset(const ProtocolError& error) override;
    // Empty when it was the one that was expected.
    const std::string& error() const noexcept { return error_; }
    // Octets of content so far.
    size_t received() const noexcept { return received_; }

   private:
    void complain(std::string what);

    const Workload* workload_ = nullptr;
    std::string error_;
    size_t received_ = 0;
    bool answered_ = false;
  };

  ServerSink* on_stream(h2::StreamId) override { return nullptr; }
  void on_stream_closed(h2::StreamId id, CodecSink& sink, h2::ErrorCode code,
                        bool by_peer) override;
  void on_goaway(h2::StreamId last, h2::ErrorCode code) override;

  [[nodiscard]] std::string send_batch(const Workload& workload);
  [[nodiscard]] std::string take_batch();
  [[nodiscard]] std::string send_what_waits();

  Connection connection_;
  BlockPool pool_;
  h2::Limits limits_;
  h2::Workspace workspace_;
  h2::Codec codec_;
  std::vector<Response> responses_;
  std::vector<char> scratch_;  // what is sent in one write
  size_t in_flight_ = 0;
  uint64_t taken_ = 0;  // octets of content that the connection's window has not got back
  std::string error_;   // the first of any response or of the connection
};

}  // namespace sluice::bench
