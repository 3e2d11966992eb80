// Memory for OpenSSL's larger pieces: a record's buffers are wanted and given back with every
// record (SSL_MODE_RELEASE_BUFFERS, so that an idle connection holds none), a session's with every
// connection. The C library's allocator is slow for sizes of which it keeps no free list.
#pragma once

namespace sluice::tls {

// Has OpenSSL keep a few blocks of a thread's for the next one that asks. Measured: see
// bench/peers/README.md. Call it first of all: OpenSSL refuses once it has allocated, and then
// nothing changes. Thread: main, before there are others.
void keep_blocks_for_openssl() noexcept;

}  // namespace sluice::tls
