#include "parallel/spin_pool.h"

#include <thread>
#include <vector>

#include "expect.h"

namespace tangshi::test {

TEST(spin_pool, runs_every_piece_of_every_job_once_before_it_returns) {
  for (const int helpers : {0, 1, 3}) {
    SpinPool pool(helpers);
    std::vector<std::thread> threads;
    for (int i = 0; i < helpers; i++) threads.emplace_back([&] { pool.help(); });
    std::vector<int> done(100), expected(100);
    for (int job = 1; job <= 20'000; job++) {
      const int64_t count = job % 100;
      pool.each(count, [&](int64_t piece) { done[piece]++; });
      for (int64_t piece = 0; piece < count; piece++) expected[piece]++;
      EXPECT(done == expected);  // visible to the leader as soon as it continues
    }
    pool.dismiss();
    for (std::thread& thread : threads) thread.join();
  }
}

// As many as a layer of 2^24 or more outputs has: pieces are counted in 16 bits.
TEST(spin_pool, runs_more_pieces_than_it_can_count_at_a_time) {
  SpinPool pool(2);
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; i++) threads.emplace_back([&] { pool.help(); });
  for (const int64_t count : {65'535, 65'536, 65'537, 200'000}) {
    std::vector<int> done(count);
    pool.each(count, [&](int64_t piece) { done[piece]++; });
    EXPECT(done == std::vector<int>(count, 1));
  }
  pool.dismiss();
  for (std::thread& thread : threads) thread.join();
}

TEST(spin_pool, late_or_missing_helpers_delay_nothing) {
  SpinPool pool(1);
  int sum = 0;
  pool.each(10, [&](int64_t piece) { sum += static_cast<int>(piece); });
  EXPECT_EQ(sum, 45);
  pool.dismiss();
  pool.help();  // returns
}

}  // namespace tangshi::test
