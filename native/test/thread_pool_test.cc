#include "parallel/thread_pool.h"

#include <atomic>
#include <set>

#include "expect.h"

namespace tangshi::test {

TEST(thread_pool, each_shard_does_its_job_once_on_a_thread_of_its_own) {
  for (const int count : {1, 2, 5}) {
    ThreadPool shards(count);
    for (int round = 0; round < 200; round++) {
      std::vector<int> done(count, 0);
      std::vector<std::thread::id> threads(count);
      shards.run([&](int shard) {
        done[shard]++;
        threads[shard] = std::this_thread::get_id();
      });
      EXPECT(done == std::vector<int>(count, 1));
      EXPECT(threads[0] == std::this_thread::get_id());
      EXPECT_EQ(std::set<std::thread::id>(threads.begin(), threads.end()).size(), static_cast<size_t>(count));
    }
  }
}

TEST(thread_pool, shares_cover_everything_once) {
  for (const int count : {1, 2, 3, 7}) {
    ThreadPool shards(count);
    for (const int64_t size : {0, 1, 2, 6, 100, 1001}) {
      for (const int64_t grain : {1, 16}) {
        int64_t end = 0;
        for (int shard = 0; shard < count; shard++) {
          const Range range = shards.share(shard, size, grain);
          EXPECT_EQ(range.begin, end);
          EXPECT(range.begin % grain == 0 || range.begin == size);
          end = range.end;
        }
        EXPECT_EQ(end, size);
      }
    }
  }
}

TEST(thread_pool, an_exception_of_any_shard_comes_out_and_the_next_round_is_whole) {
  ThreadPool shards(3);
  for (int failing = 0; failing < 3; failing++) {
    EXPECT_THROWS(shards.run([&](int shard) {
      if (shard == failing) throw std::invalid_argument("no");
    }),
                  std::invalid_argument);
    std::atomic<int> done = 0;
    shards.run([&](int) { done++; });
    EXPECT_EQ(done.load(), 3);
  }
}

TEST(thread_pool, operations_inside_use_one_thread_and_outside_as_many_as_before) {
  at::set_num_threads(2);
  ThreadPool shards(2);
  std::vector<int> threads(2);
  shards.run([&](int shard) { threads[shard] = at::get_num_threads(); });
  EXPECT(threads == (std::vector<int>{1, 1}));
  EXPECT_EQ(at::get_num_threads(), 2);
}

}  // namespace tangshi::test
