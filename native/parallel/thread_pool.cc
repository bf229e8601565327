#include "parallel/thread_pool.h"

#include <algorithm>

namespace tangshi {
ThreadPool::ThreadPool(int count) : errors_(count) {
  for (int shard = 1; shard < count; shard++) threads_.emplace_back([this, shard] { work(shard); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  begun_.notify_all();
  for (std::thread& thread : threads_) thread.join();
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

Range ThreadPool::share(int shard, int64_t size, int64_t grain) const {
  const int64_t grains = (size + grain - 1) / grain;
  const auto edge = [&](int64_t i) { return std::min(size, grains * i / count() * grain); };
  return {edge(shard), edge(shard + 1)};
}

void ThreadPool::work(int shard) {
  for (uint64_t done = 0;; done++) {
    const std::function<void(int)>* job;
    {
      std::unique_lock lock(mutex_);
      begun_.wait(lock, [&] { return stopping_ || round_ > done; });
      if (stopping_) return;
      job = job_;
    }
    attempt(shard, *job);
    {
      std::lock_guard lock(mutex_);
      busy_--;
    }
    ended_.notify_one();
  }
}

void ThreadPool::attempt(int shard, const std::function<void(int)>& job) {
  try {
    job(shard);
    errors_[shard] = nullptr;
  } catch (...) {
    errors_[shard] = std::current_exception();
  }
}

}  // namespace tangshi
