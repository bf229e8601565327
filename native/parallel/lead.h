// Many short jobs shared by the threads of a pool.
#pragma once

#include "parallel/spin_pool.h"
#include "parallel/thread_pool.h"

namespace tangshi {

// Calls body(SpinPool&) on the calling thread, while `helpers` threads of the pool take pieces of its jobs.
// They spin in between, so it should not last long without a job.
template <typename Body>
void lead(ThreadPool& threads, int helpers, const Body& body) {
  struct Dismissal {  // however the body ends
    SpinPool& pool;
    ~Dismissal() { pool.dismiss(); }
  };
  SpinPool pool(helpers);
  threads.run([&](int thread) {
    if (thread > helpers) return;
    if (thread > 0) return pool.help();
    const Dismissal when_done{pool};
    body(pool);
  });
}

}  // namespace tangshi
