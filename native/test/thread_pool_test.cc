#include "parallel/thread_pool.h"

#include <atomic>
#include <set>

#include "expect.h"

namespace tangshi::test {

TEST(thread_pool, each_job_runs_once_on_its_own_thread) {
  for (const int count : {1, 2, 5}) {
    ThreadPool pool(count);
    for (int round = 0; round < 200; round++) {
      std::vector<int> done(count, 0);
      std::vector<std::thread::id> ids(count);
      pool.run([&](int thread) {
        done[thread]++;
        ids[thread] = std::this_thread::get_id();
      });
      EXPECT(done == std::vector<int>(count, 1));
      EXPECT(ids[0] == std::this_thread::get_id());
      EXPECT_EQ(std::set<std::thread::id>(ids.begin(), ids.end()).size(), static_cast<size_t>(count));
    }
  }
}

TEST(thread_pool, shares_cover_every_element_once) {
  for (const int count : {1, 2, 3, 7}) {
    ThreadPool pool(count);
    for (const int64_t size : {0, 1, 2, 6, 100, 1001}) {
      for (const int64_t grain : {1, 16}) {
        int64_t end = 0;
        for (int thread = 0; thread < count; thread++) {
          const Range range = pool.share(thread, size, grain);
          EXPECT_EQ(range.begin, end);
          EXPECT(range.begin % grain == 0 || range.begin == size);
          end = range.end;
        }
        EXPECT_EQ(end, size);
      }
    }
  }
}

TEST(thread_pool, an_exception_on_any_thread_is_rethrown_and_the_next_run_is_complete) {
  ThreadPool pool(3);
  for (int failing = 0; failing < 3; failing++) {
    EXPECT_THROWS(pool.run([&](int thread) {
      if (thread == failing) throw std::invalid_argument("no");
    }),
                  std::invalid_argument);
    std::atomic<int> done = 0;
    pool.run([&](int) { done++; });
    EXPECT_EQ(done.load(), 3);
  }
}

}  // namespace tangshi::test
