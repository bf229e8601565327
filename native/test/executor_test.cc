#include "addon/executor.h"

#include <atomic>
#include <vector>

#include "expect.h"
#include "failing_allocation.h"

namespace tangshi::test {

TEST(executor, runs_jobs_in_order_on_one_other_thread) {
  std::vector<int> order;
  std::vector<std::thread::id> threads;
  {
    Executor executor;
    for (int i = 0; i < 1000; i++) {
      executor.post([&, i] {
        order.push_back(i);
        threads.push_back(std::this_thread::get_id());
      });
    }
  }
  EXPECT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; i++) EXPECT(order[i] == i && threads[i] == threads[0]);
  EXPECT(threads[0] != std::this_thread::get_id());
}

TEST(executor, stop_rejects_new_jobs_and_finishes_queued_ones) {
  Executor executor;
  std::atomic<int> done = 0;
  for (int i = 0; i < 10; i++) {
    executor.post([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      done++;
    });
  }
  executor.stop();
  EXPECT(!executor.post([&] { done += 100; }));
  executor.join();
  EXPECT_EQ(done.load(), 10);
}

TEST(executor, a_job_that_runs_out_of_memory_is_rejected_and_the_others_run) {
  Executor executor;
  std::atomic<int> done = 0;
  std::atomic<bool> may_go_on = false;
  executor.post([&] {
    while (!may_go_on) std::this_thread::yield();
  });
  int refused = 0;
  for (int i = 0; i < 1000; i++) {
    const FailingAllocation allocation(0);
    try {
      executor.post([&done] { done++; });
    } catch (const std::bad_alloc&) {
      refused++;
    }
  }
  may_go_on = true;
  executor.stop();
  executor.join();
  EXPECT(refused > 0);
  EXPECT_EQ(done.load(), 1000 - refused);
}

TEST(executor, a_job_may_post_another) {
  Executor executor;
  std::atomic<bool> done = false;
  executor.post([&] { executor.post([&] { done = true; }); });
  while (!done) std::this_thread::yield();
}

}  // namespace tangshi::test
