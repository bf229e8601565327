// Threads that work in parallel, each on its share of a batch or of the parameters.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tangshi {

// Elements begin … end - 1.
struct Range {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

#if defined(__wasm__)  // which has one thread
class ThreadPool {
 public:
  explicit ThreadPool(int) {}
  int count() const { return 1; }
  void run(const std::function<void(int)>& job) { job(0); }
};
#else
class ThreadPool {
 public:
  explicit ThreadPool(int count);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int count() const { return static_cast<int>(errors_.size()); }

  // Runs job(0) … job(count - 1) in parallel, job(0) on the calling thread, and waits for all. Rethrows the
  // exception of the first job that failed.
  void run(const std::function<void(int)>& job);

  // One thread's range of `size` elements; all but the last end at a multiple of `grain`.
  Range share(int thread, int64_t size, int64_t grain = 1) const;

 private:
  void stop();
  void work(int thread);
  void attempt(int thread, const std::function<void(int)>& job);

  std::mutex mutex_;
  std::condition_variable begun_, ended_;
  const std::function<void(int)>* job_ = nullptr;
  uint64_t round_ = 0;  // argument of run()
  int busy_ = 0;        // threads still working on the current round
  bool stopping_ = false;
  std::vector<std::exception_ptr> errors_;  // one per thread
  std::vector<std::thread> threads_;        // threads 1 and up; the calling thread is 0
};

#endif

}  // namespace tangshi
