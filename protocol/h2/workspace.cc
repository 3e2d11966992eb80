// What a worker's codecs share, and nghttp2's way to us: its memory and its callbacks.
#include "protocol/h2/inside.h"

namespace sluice::h2 {

namespace {

Session& inside(void* user) noexcept { return *static_cast<Session*>(user); }

void* allocate(size_t size, void* user) { return static_cast<Memory*>(user)->allocate(size); }
void release(void* block, void* user) { static_cast<Memory*>(user)->release(block); }
void* allocate_zeroed(size_t count, size_t size, void* user) {
  return static_cast<Memory*>(user)->allocate_zeroed(count, size);
}
void* reallocate(void* block, size_t size, void* user) {
  return static_cast<Memory*>(user)->reallocate(block, size);
}

int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* header, void* user) {
  return inside(user).on_begin_frame(*header);
}
int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  return inside(user).on_begin_headers(*frame);
}
int on_header(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size,
              const uint8_t* value, size_t value_size, uint8_t, void* user) {
  return inside(user).on_field(text_of(name, name_size), text_of(value, value_size));
}
// By itself nghttp2 would leave such a field out; RFC 9113 section 8.2.1 has it malformed.
int on_invalid_header(nghttp2_session*, const nghttp2_frame*, const uint8_t*, size_t,
                      const uint8_t*, size_t, uint8_t, void*) {
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}
int on_frame_recv(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  return inside(user).on_frame(*frame);
}
int on_invalid_frame_recv(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
  inside(user).on_invalid_frame(*frame);
  return 0;
}
int on_data_chunk(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                  void* user) {
  return inside(user).on_data(id, data, size);
}
int on_extension_chunk(nghttp2_session*, const nghttp2_frame_hd*, const uint8_t* data, size_t size,
                       void* user) {
  inside(user).on_priority_octets(text_of(data, size));
  return 0;
}
// What came is taken when the frame is complete, in on_frame_recv.
int unpack_extension(nghttp2_session*, void**, const nghttp2_frame_hd*, void*) { return 0; }
int on_stream_close(nghttp2_session* session, int32_t id, uint32_t code, void* user) {
  auto* const state = static_cast<StreamState*>(nghttp2_session_get_stream_user_data(session, id));
  if (state != nullptr) inside(user).close_stream(*state, static_cast<ErrorCode>(code));
  return 0;
}
int on_frame_send(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  return inside(user).on_frame_sent(*frame);
}
int on_frame_not_send(nghttp2_session*, const nghttp2_frame* frame, int error, void* user) {
  inside(user).on_frame_not_sent(*frame, error);
  return 0;
}
int send_data(nghttp2_session*, nghttp2_frame*, const uint8_t* header, size_t size,
              nghttp2_data_source* source, void* user) {
  return inside(user).frame_content(*static_cast<StreamState*>(source->ptr), header, size);
}

}  // namespace

SharedParts::SharedParts(BlockPool& blocks_pool)
    : pool(blocks_pool),
      allocator{.mem_user_data = &memory,
                .malloc = allocate,
                .free = release,
                .calloc = allocate_zeroed,
                .realloc = reallocate} {
  if (nghttp2_session_callbacks_new(&callbacks) != 0) std::abort();
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame_recv);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
  nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(callbacks, on_extension_chunk);
  nghttp2_session_callbacks_set_unpack_extension_callback(callbacks, unpack_extension);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_send);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
}

SharedParts::~SharedParts() { nghttp2_session_callbacks_del(callbacks); }

StreamState* SharedParts::acquire_stream() {
  if (streams.empty()) return new StreamState();
  StreamState* const stream = streams.back().release();
  streams.pop_back();
  return stream;
}

void SharedParts::release_stream(StreamState* stream) noexcept {
  static constexpr size_t kKept = 1024;
  std::unique_ptr<StreamState> owned(stream);
  *stream = StreamState();
  if (streams.size() < kKept) streams.push_back(std::move(owned));
}

std::unique_ptr<FieldBlock> SharedParts::acquire_block() {
  if (blocks.empty()) return std::make_unique<FieldBlock>();
  std::unique_ptr<FieldBlock> block = std::move(blocks.back());
  blocks.pop_back();
  return block;
}

void SharedParts::release_block(std::unique_ptr<FieldBlock> block) noexcept {
  static constexpr size_t kKept = 16;
  if (block && blocks.size() < kKept) blocks.push_back(std::move(block));
}

Workspace::Workspace(BlockPool& pool) : shared_(std::make_unique<SharedParts>(pool)) {}
Workspace::~Workspace() = default;

uint64_t Workspace::taken_from_heap() const noexcept { return shared_->memory.taken_from_heap(); }

}  // namespace sluice::h2
