// Threads that share jobs of a few microseconds, which are too short to wake a thread for, so helpers spin.
// The leader takes pieces from the front and helpers from the back, so that each keeps its part of the
// weights in its cache. A helper suspended by the system delays only the piece it has begun.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace tangshi {

class SpinPool {
 public:
  // helpers: number of threads that will call help().
  explicit SpinPool(int helpers) : helpers_(helpers) {}

  // Runs piece(0) … piece(count - 1) in parallel and in any order, and returns when all are done. Only the
  // leader may call it; pieces must not throw.
  template <typename Piece>
  void each(int64_t count, const Piece& piece) {
    if (helpers_ == 0 || count < 2) {
      for (int64_t i = 0; i < count; i++) piece(i);
      return;
    }
    for (int64_t first = 0; first < count; first += most_pieces) {
      const Job job = {[](const void* body, int64_t i) { (*static_cast<const Piece*>(body))(i); }, &piece,
                       first};
      run(job, std::min(count - first, most_pieces));
    }
  }

  // Threads that share a job, with the leader.
  int threads() const { return helpers_ + 1; }

  // Runs pieces until the pool is dismissed.
  void help();
  void dismiss() { dismissed_.store(true); }

 private:
  // Maximum number of pieces in a job: their indices have 16 bits.
  static constexpr int64_t most_pieces = 65'535;

  struct Job {
    void (*call)(const void* body, int64_t piece);
    const void* body;
    int64_t first;  // index of piece 0 in the caller's numbering
  };

  void run(const Job& job, int64_t count);
  // Runs a piece; returns false if none is left. A piece that throws ends the process, instead of leaving the
  // others waiting.
  bool take(bool from_front) noexcept;

  const int helpers_;
  std::atomic<const Job*> job_ = nullptr;
  // The remaining work: the number of the job in the upper 32 bits, then the first piece and the end, 16 bits
  // each. A piece is taken by exchanging all three at once, so that no piece of an old job can be taken.
  alignas(64) std::atomic<uint64_t> left_ = 0;
  alignas(64) std::atomic<int64_t> undone_ = 0;
  std::atomic<bool> dismissed_ = false;
};

// Calls body(first, end) for ranges of 0 … count - 1, a few for each thread.
template <typename Body>
void each_range(SpinPool& pool, int64_t count, const Body& body) {
  constexpr int64_t ranges_per_thread = 4;
  const int64_t ranges = pool.threads() == 1 ? 1 : std::min(count, ranges_per_thread * pool.threads());
  pool.each(ranges, [&](int64_t i) { body(count * i / ranges, count * (i + 1) / ranges); });
}

}  // namespace tangshi
