// The limits that tests and fuzz targets of HTTP/2 start from.
#pragma once

#include <cstdint>

#include "protocol/h2/limits.h"

namespace sluice::h2 {

// Like the defaults of conf/limits.h; those for floods are these.
inline Limits test_limits() {
  return {.streams = 100,
          .head = 32 * 1024,
          .target = 8 * 1024,
          .field = 16 * 1024,
          .fields = 100,
          .trailer_fields = 20,
          .trailers = 8 * 1024,
          .fields_fatal = 1000,
          .head_block = 64 * 1024,
          .continuations = 8,
          .content_length = INT64_MAX,
          .stream_window = 64 * 1024,
          .stream_window_most = 1024 * 1024,
          .connection_window = 1024 * 1024,
          .floods = {.resets = {500, 50},
                     .resets_suspicious = 20,
                     .reset_of_upstream = 10,
                     .pings = {50, 10},
                     .ping_regained = 16 * 1024,
                     .settings = {20, 10},
                     .empty_in_a_row = 16,
                     .empty_frames = 100,
                     .small_data_size = 64,
                     .small_data = {1000, 200},
                     .small_data_of_stream = {2000, 2000},
                     .priorities = 100,
                     .window_updates = 5,
                     .unknown_frames = 100,
                     .outstanding = 128}};
}

}  // namespace sluice::h2
