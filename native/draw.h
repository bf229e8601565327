// Drawing one character from its logits, on the CPU.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tangshi {

// SplitMix64 (Steele, Lea, Flood 2014): one 64-bit word of state, a stream of its own for each (seed,
// stream).
class Random {
 public:
  Random(uint64_t seed, uint64_t stream);
  double uniform();  // in [0, 1)

 private:
  uint64_t next();
  uint64_t state_;
};

struct DrawOptions {
  double temperature = 1;            // 0 takes the likeliest
  int64_t top_k = 0;                 // draw among the k likeliest; 0 for all
  double top_p = 1;                  // draw among the likeliest that together reach this probability
  std::vector<int32_t> banned = {};  // never drawn
};

class Draw {
 public:
  Draw(const DrawOptions& options, int64_t vocab_size);

  // logits: [vocab]. Returns an id that is not banned. Ties go to the lower id.
  int32_t operator()(std::span<const float> logits, Random& random);

 private:
  int32_t greedy(std::span<const float> logits) const;
  void keep_top_k();
  void keep_top_p();

  struct Candidate {
    int32_t id;
    float logit;
    double weight;  // exp((logit - max) / temperature)
  };
  DrawOptions options_;
  std::vector<int32_t> allowed_;       // ids not banned, ascending
  std::vector<Candidate> candidates_;  // kept between calls
};

}  // namespace tangshi
