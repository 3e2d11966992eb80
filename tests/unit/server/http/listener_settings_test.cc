// What a listener's limits become for the codecs: each arrives where its name says, and none is
// cut.
#include "server/http/listener_settings.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace sluice::http {
namespace {

conf::Limits with(const std::string& assignment) {
  conf::Limits limits;
  EXPECT_EQ(conf::set_limit(limits, assignment), "");
  return limits;
}

TEST(ListenerSettings, HeadsOfHttp2HaveTheLimitsOfHttp1) {
  EXPECT_EQ(h2_limits(with("request_line=1000")).target, 1000U);
  EXPECT_EQ(h2_limits(with("field=1000")).field, 1000U);
  EXPECT_EQ(h2_limits(with("head=1000")).head, 1000U);
  EXPECT_EQ(h2_limits(with("fields=7")).fields, 7U);
  EXPECT_EQ(h2_limits(with("trailer_fields=7")).trailer_fields, 7U);
  EXPECT_EQ(h2_limits(with("trailers=1000")).trailers, 1000U);
}

TEST(ListenerSettings, LimitsOfHttp2ArriveWhereTheirNamesSay) {
  EXPECT_EQ(h2_limits(with("http2_streams=7")).streams, 7U);
  EXPECT_EQ(h2_limits(with("http2_fields_fatal=7")).fields_fatal, 7U);
  EXPECT_EQ(h2_limits(with("http2_head_block=7KiB")).head_block, 7168U);
  EXPECT_EQ(h2_limits(with("http2_continuations=7")).continuations, 7U);
  EXPECT_EQ(h2_limits(with("http2_stream_window=7KiB")).stream_window, 7168U);
  EXPECT_EQ(h2_limits(with("http2_stream_window_most=7KiB")).stream_window_most, 7168U);
  EXPECT_EQ(h2_limits(with("http2_connection_window=7MiB")).connection_window, 7U << 20);
}

h2::FloodLimits floods(const std::string& assignment) { return h2_limits(with(assignment)).floods; }

TEST(ListenerSettings, LimitsOfFloodsArriveWhereTheirNamesSay) {
  EXPECT_EQ(floods("http2_resets=7").resets.burst, 7U);
  EXPECT_EQ(floods("http2_reset_rate=7").resets.per_second, 7U);
  EXPECT_EQ(floods("http2_resets_suspicious=7").resets_suspicious, 7U);
  EXPECT_EQ(floods("http2_reset_of_upstream=7").reset_of_upstream, 7U);
  EXPECT_EQ(floods("http2_pings=7").pings.burst, 7U);
  EXPECT_EQ(floods("http2_ping_rate=7").pings.per_second, 7U);
  EXPECT_EQ(floods("http2_ping_regained=7").ping_regained, 7U);
  EXPECT_EQ(floods("http2_settings=7").settings.burst, 7U);
  EXPECT_EQ(floods("http2_settings_rate=7").settings.per_second, 7U);
  EXPECT_EQ(floods("http2_empty_in_a_row=7").empty_in_a_row, 7U);
  EXPECT_EQ(floods("http2_empty_frames=7").empty_frames, 7U);
  EXPECT_EQ(floods("http2_small_data_size=7").small_data_size, 7U);
  EXPECT_EQ(floods("http2_small_data=7").small_data.burst, 7U);
  EXPECT_EQ(floods("http2_small_data_rate=7").small_data.per_second, 7U);
  EXPECT_EQ(floods("http2_small_data_stream=7").small_data_of_stream.burst, 7U);
  EXPECT_EQ(floods("http2_small_data_stream=7").small_data_of_stream.per_second, 7U);
  EXPECT_EQ(floods("http2_priorities=7").priorities, 7U);
  EXPECT_EQ(floods("http2_window_updates=7").window_updates, 7U);
  EXPECT_EQ(floods("http2_unknown_frames=7").unknown_frames, 7U);
  EXPECT_EQ(floods("http2_outstanding=7").outstanding, 7U);
}

// Each becomes a number of 32 bits, so what may be set must fit.
TEST(ListenerSettings, NoLimitOfHttp2IsCut) {
  for (const conf::LimitInfo& info : conf::all_limits()) {
    if (info.number == nullptr || !info.name.starts_with("http2_")) continue;
    if (info.name == "http2_unsent" || info.name == "http2_frame_ahead" ||
        info.name == "http2_turn_read") {
      continue;  // of 64 bits where they are used
    }
    EXPECT_LE(info.most, std::numeric_limits<uint32_t>::max()) << info.name;
  }
}

TEST(ListenerSettings, AListenerKnowsTheLimitsOfBothCodecs) {
  const ListenerSettings settings(3, {.values = with("http2_streams=7")});
  EXPECT_EQ(settings.h2_limits().streams, 7U);
  EXPECT_EQ(settings.h2_limits().fields, settings.h1_limits().fields);
}

}  // namespace
}  // namespace sluice::http
