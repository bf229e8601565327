#include "parallel/spin_pool.h"

#include <thread>

namespace tangshi {
namespace {

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void yield() {
#if !defined(__wasm__)  // which has one thread
  std::this_thread::yield();
#endif
}

// Number of spins before yielding the CPU, about 50 microseconds.
constexpr int looks = 1000;

uint64_t pack(uint64_t number, uint64_t first, uint64_t end) { return number << 32 | first << 16 | end; }

}  // namespace

void SpinPool::run(const Job& job, int64_t count) {
  job_.store(&job);
  undone_.store(count);
  left_.store(pack((left_.load() >> 32) + 1, 0, count));
  while (take(/*from_front=*/true)) continue;
  for (int look = 0; undone_.load() > 0; look++) {
    if (look < looks) {
      pause();
    } else {
      yield();
    }
  }
}

bool SpinPool::take(bool from_front) noexcept {
  uint64_t left = left_.load();
  for (;;) {
    const uint64_t number = left >> 32, first = left >> 16 & 0xffff, end = left & 0xffff;
    if (first >= end) return false;
    // The job exists as long as a piece of it is left; if that piece is taken in the meantime, the exchange
    // fails.
    const Job* job = job_.load();
    const uint64_t rest = from_front ? pack(number, first + 1, end) : pack(number, first, end - 1);
    if (!left_.compare_exchange_weak(left, rest)) continue;
    job->call(job->body, job->first + static_cast<int64_t>(from_front ? first : end - 1));
    undone_.fetch_sub(1);
    return true;
  }
}

void SpinPool::help() {
  int look = 0;
  while (!dismissed_.load()) {
    if (take(/*from_front=*/false)) {
      look = 0;
    } else if (look < looks) {
      look++;
      pause();
    } else {
      yield();
    }
  }
}

}  // namespace tangshi
