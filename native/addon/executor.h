// One thread that runs jobs in the order they were posted.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace tangshi {

class Executor {
 public:
  Executor();
  ~Executor();  // finishes what is queued, then joins

  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Jobs must not throw. Returns false and drops the job if stop() has been called.
  bool post(std::function<void()> job);

  // Accepts no more jobs; the thread ends after those already queued. Does not wait.
  void stop();

  // Waits for the thread to end. Call stop() first.
  void join();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses the others
};

}  // namespace tangshi
