// What a codec tells whoever feeds it octets. One sink per message stream: an HTTP/1 connection is
// one, each HTTP/2 stream is one. A codec never writes to a transport; a sink only changes state
// while it is called.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/fields.h"
#include "protocol/message.h"
#include "protocol/slice.h"

namespace sluice {

// Why a codec gave up on a message. Texts are static.
struct ProtocolError {
  int status =
      0;  // what to answer in the role server (400, 414, 431 ...), 502's cause in the role client
  std::string_view cause;  // for the log: what was wrong, e.g. "space before colon"
  std::string_view limit;  // the key in conf/limits.h that decided, else empty
};

class CodecSink {
 public:
  virtual ~CodecSink() = default;

  virtual void on_body(Slice octets) = 0;
  // Before on_end; views are valid during the call only.
  virtual void on_trailers(const FieldList& trailers) = 0;
  virtual void on_end() = 0;
  // The message cannot be read further. Nothing else follows.
  virtual void on_reset(const ProtocolError& error) = 0;
};

class ServerSink : public CodecSink {
 public:
  // `head` is the codec's scratch: swap its contents out to keep them.
  virtual void on_request_head(RequestHead& head) = 0;
};

class ClientSink : public CodecSink {
 public:
  // Interim (1xx) and final heads, in order. `has_body` tells whether content follows a final one.
  virtual void on_response_head(ResponseHead& head, bool has_body) = 0;
};

}  // namespace sluice
