#include "parallel/thread_pool.h"

#include <algorithm>
#include <utility>

namespace tangshi {

ThreadPool::ThreadPool(int count) : errors_(count) {
  try {
    for (int thread = 1; thread < count; thread++) threads_.emplace_back([this, thread] { work(thread); });
  } catch (...) {  // the system's limit on threads is reached
    stop();
    throw;
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  begun_.notify_all();
  for (std::thread& worker : threads_) worker.join();
}

void ThreadPool::run(const std::function<void(int)>& job) {
  {
    std::lock_guard lock(mutex_);
    job_ = &job;
    busy_ = static_cast<int>(threads_.size());
    round_++;
  }
  begun_.notify_all();
  attempt(0, job);
  {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return busy_ == 0; });
  }
  for (std::exception_ptr& error : errors_) {
    if (error) std::rethrow_exception(std::exchange(error, nullptr));
  }
}

Range ThreadPool::share(int thread, int64_t size, int64_t grain) const {
  const int64_t grains = (size + grain - 1) / grain;
  const auto edge = [&](int64_t i) { return std::min(size, grains * i / count() * grain); };
  return {edge(thread), edge(thread + 1)};
}

void ThreadPool::work(int thread) {
  for (uint64_t done = 0;; done++) {
    const std::function<void(int)>* job;
    {
      std::unique_lock lock(mutex_);
      begun_.wait(lock, [&] { return stopping_ || round_ > done; });
      if (stopping_) return;
      job = job_;
    }
    attempt(thread, *job);
    {
      std::lock_guard lock(mutex_);
      busy_--;
    }
    ended_.notify_one();
  }
}

void ThreadPool::attempt(int thread, const std::function<void(int)>& job) {
  try {
    job(thread);
    errors_[thread] = nullptr;
  } catch (...) {
    errors_[thread] = std::current_exception();
  }
}

}  // namespace tangshi
