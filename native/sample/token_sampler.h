// Sampling on the CPU: draws one character from its processed logits.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/aligned.h"
#include "sample/random.h"

namespace tangshi {

struct SamplingOptions {
  double temperature = 1;  // 0 for greedy decoding
  int64_t top_k = 0;       // draw among the k most likely ids; 0 for all
  double top_p = 1;        // draw among the most likely ids that together reach this probability
};

class TokenSampler {
 public:
  // banned: ids whose logits were set to -infinity. They are not drawn even if no logit is finite.
  TokenSampler(const SamplingOptions& options, std::span<const int32_t> banned, int64_t vocab_size);

  // logits: [vocab]. Ties go to the lower id. log_total, unless null: log_sum_exp() of the logits.
  int32_t operator()(std::span<const float> logits, Random& random, double* log_total = nullptr);

 private:
  struct Candidate {
    int32_t id;
    float weight;  // exp((logit - largest) / temperature)
  };

  int32_t greedy(std::span<const float> logits) const;
  int32_t among_all(double share) const;
  int32_t among_some(double share);
  void collect(float least);
  double weight_of_candidates() const;
  // Returns whether any id was excluded.
  bool keep_top_k();
  // total: the sum of all weights that the probability refers to.
  void keep_top_p(double total);
  // Keeps the most likely ids whose weights add up to `enough`.
  template <typename Measure>
  void keep_likeliest(double enough, Measure measure);

  SamplingOptions options_;
  int32_t first_allowed_ = 0;
  AlignedVector<float> weights_;       // exp((logit - largest) / temperature), [vocab]
  std::vector<float> sums_;            // sums of the weights in blocks
  std::vector<Candidate> candidates_;  // ascending by id
  std::vector<Candidate> ranked_;      // scratch
  std::array<double, 1024> buckets_;   // scratch
};

}  // namespace tangshi
