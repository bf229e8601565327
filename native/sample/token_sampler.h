// Drawing one character from its logits, on the CPU.
#pragma once

#include <array>
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

  // logits: [vocab], overwritten. Returns an id that is not banned. Ties go to the lower id.
  int32_t operator()(std::span<float> logits, Random& random);

 private:
  struct Candidate {
    int32_t id;
    float weight;  // exp((logit - largest) / temperature)
  };

  int32_t greedy(std::span<const float> logits) const;
  int32_t among_all(std::span<const float> weights, double share) const;
  int32_t among_some(std::span<const float> weights, double share);
  void collect(std::span<const float> weights, float least);
  void keep_top_k();
  void keep_top_p();
  // Keeps the likeliest that together measure `enough`.
  template <typename Measure>
  void keep_likeliest(double enough, Measure measure);

  DrawOptions options_;
  int32_t first_allowed_ = 0;
  std::vector<float> sums_;            // of the weights, by blocks
  std::vector<Candidate> candidates_;  // ascending by id
  std::vector<Candidate> ranked_;      // scratch
  std::array<double, 1024> buckets_;   // scratch
};

}  // namespace tangshi
