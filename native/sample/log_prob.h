// Log-probabilities of ids by their unnormalized logits.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/kernels.h"

namespace tangshi {

// Of unnormalized log-probabilities, in nats.
inline double log_sum_exp(std::span<const float> logits) {
  const auto count = static_cast<int64_t>(logits.size());
  const float largest = kernels().max(logits.data(), count);
  return largest + std::log(kernels().sum_exp(logits.data(), count, largest));
}

// The log-probability of any id, by the logits as they were when this was made.
class LogProb {
 public:
  explicit LogProb(std::span<const float> logits)
      : logits_(logits.begin(), logits.end()), total_(log_sum_exp(logits)) {}
  double operator()(int32_t id) const { return logits_[id] - total_; }
  double total() const { return total_; }  // log_sum_exp of the logits

 private:
  const std::vector<float> logits_;
  const double total_;
};

}  // namespace tangshi
