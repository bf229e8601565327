// SplitMix64 (Steele, Lea, Flood 2014): one 64-bit word of state, with an independent stream for each (seed,
// stream).
#pragma once

#include <cstdint>

namespace tangshi {

class Random {
 public:
  Random(uint64_t seed, uint64_t stream) : state_(seed) {
    state_ = next() ^ (stream * increment);
    next();
  }

  // In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  static constexpr uint64_t increment = 0x9E3779B97F4A7C15;

  uint64_t next() {
    uint64_t z = (state_ += increment);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  uint64_t state_;
};

}  // namespace tangshi
