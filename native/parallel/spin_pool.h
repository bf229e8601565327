// Threads that share jobs of a few microseconds, one after another: too short to be woken for, so helpers
// keep looking. The leader takes pieces from the front and helpers from the back, which leaves each its own
// part of the weights in its cache; a helper that the system has put aside holds up nothing that it did not
// begin.
#pragma once

#include <atomic>
#include <cstdint>

namespace tangshi {

class SpinPool {
 public:
  // helpers: threads that will call help().
  explicit SpinPool(int helpers) : helpers_(helpers) {}

  // Does piece(0) … piece(count - 1), in any order and at once, and returns when all are done. Only ever
  // called by the leader; pieces throw nothing; count is below 65,536.
  template <typename Piece>
  void each(int64_t count, const Piece& piece) {
    if (helpers_ == 0 || count < 2) {
      for (int64_t i = 0; i < count; i++) piece(i);
      return;
    }
    const Job job = {[](const void* body, int64_t i) { (*static_cast<const Piece*>(body))(i); }, &piece};
    run(job, count);
  }

  // Takes part until the team is dismissed.
  void help();
  void dismiss() { dismissed_.store(true); }

 private:
  struct Job {
    void (*call)(const void* body, int64_t piece);
    const void* body;
  };

  void run(const Job& job, int64_t count);
  // Takes a piece and does it; false when none is left.
  bool take(bool from_front);

  const int helpers_;
  std::atomic<const Job*> job_ = nullptr;
  // What is left: the job's number in the upper 32 bits, then the first piece and the one behind the last. A
  // piece is taken by an exchange of all three, so that one of an old job never is.
  std::atomic<uint64_t> left_ = 0;
  std::atomic<int64_t> undone_ = 0;
  std::atomic<bool> dismissed_ = false;
};

}  // namespace tangshi
