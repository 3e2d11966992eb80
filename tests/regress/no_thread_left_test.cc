// The thread that hashes large files begins with the first request for one: where no further
// thread was to be had (pids.max, RLIMIT_NPROC), that request ended the process.
#include <gtest/gtest.h>
#include <pthread.h>

#include "unit/server/handler/files/files_fixture.h"

namespace sluice::handler {
namespace {

// No thread begins while it lives: the stack that each would have does not fit any address space.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    pthread_getattr_default_np(&huge);
    pthread_attr_setstacksize(&huge, size_t{1} << 60);
    pthread_setattr_default_np(&huge);
    pthread_attr_destroy(&huge);
  }
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  pthread_attr_t before_;
};

TEST_F(FilesTest, ALargeFileIsServedWithoutATagWhenNoThreadIsLeft) {
  write("large", text_of_size(100'000));
  conf::Limits limits = quick_limits();
  limits.etag_wait = 50'000;
  serve(limits);
  {
    const NoThreads now;
    const Answer answer = get("/large");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, text_of_size(100'000));
    EXPECT_EQ(value_in(answer.fields, "ETag"), "");
    EXPECT_EQ(site->hasher().queued(), 0U);
  }
  std::string tag;
  for (int tries = 0; tries < 1000 && tag.empty(); ++tries) {
    tag = value_in(get("/large").fields, "ETag");
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_NE(tag, "") << "the next request begins it";
}

}  // namespace
}  // namespace sluice::handler
