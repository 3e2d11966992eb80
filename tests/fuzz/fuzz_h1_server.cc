// Requests: any octets give the same events however they are cut, and a head that was accepted,
// written anew for an upstream, is read there as the same request.
#include "protocol/grammar.h"
#include "protocol/target.h"
#include "tests/fuzz/feeding.h"

namespace sluice {
namespace {

using fuzz::require;

// The rebuilt head, read by a codec of its own.
class Checker final : public h1::RecorderBase<ServerSink> {
 public:
  explicit Checker(h1::Workspace& workspace)
      : workspace_(workspace), writer_(h1::Role::client, h1::kTestLimits, workspace) {}

  void on_request_head(RequestHead& head) override {
    RequestHead kept;
    std::swap(kept, head);  // as a connection does: the codec's scratch is free for others then
    check_parts(kept);
    if (kept.method != Method::connect && !kept.authority.empty()) check_rebuilt(kept);
  }

 private:
  static void check_parts(const RequestHead& head) {
    const bool has_path = head.method != Method::connect;
    require(!has_path || head.path == "*" || is_normalized(head.path), "path is not normal",
            head.path);
    require(!has_path || head.path == "*" || head.path.front() == '/', "path is relative",
            head.path);
    require(head.authority.empty() || valid_authority(head.authority), "authority", head.authority);
    for (const Field& field : head.fields) {
      require(is_token(field.name) && is_field_value(field.value), "field", field.name);
      require(field.id == field_id(field.name), "field id", field.name);
      require(field.id != FieldId::host && field.id != FieldId::content_length &&
                  field.id != FieldId::transfer_encoding && field.id != FieldId::connection,
              "the codec's own field was handed on", field.name);
    }
  }

  void check_rebuilt(const RequestHead& head) {
    struct Second final : h1::RecorderBase<ServerSink> {
      void on_request_head(RequestHead& again) override { std::swap(head, again); }
      RequestHead head;
    } second;
    Chain out;
    writer_.write_request_head(head, {.length = head.content_length}, out);
    h1::Codec reader(h1::Role::server, h1::kTestLimits, workspace_);
    const std::string octets = out.to_string();
    const size_t consumed = reader.feed(copy_of(octets), second);
    require(consumed == octets.size(), "a rebuilt head was not read", octets);
    require(second.head.method == head.method && second.head.path == head.path &&
                second.head.query == head.query && second.head.authority == head.authority &&
                second.head.has_body == head.has_body && second.head.tunnel == head.tunnel,
            "a rebuilt head reads otherwise", octets);
    require(second.head.fields.size() == head.fields.size(), "fields were lost", octets);
  }

  h1::Workspace& workspace_;
  h1::Codec writer_;
};

void check_heads(std::string_view octets) {
  BlockPool pool;
  h1::Workspace workspace(pool);
  Checker checker(workspace);
  h1::Codec codec(h1::Role::server, h1::kTestLimits, workspace);
  for (;;) {
    const size_t consumed = codec.feed(copy_of(octets), checker);
    require(consumed <= octets.size(), "consumed more than there was");
    octets.remove_prefix(consumed);
    if (codec.reading() != h1::Reading::done) return;
    codec.next_message();
  }
}

}  // namespace
}  // namespace sluice

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  sluice::check_heads(octets);
  sluice::fuzz::same_events_however_cut<sluice::h1::ServerReader>(octets, sluice::Method::get);
  return 0;
}
