// Log-probabilities of ids, from unnormalized logits.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "kernels/kernels.h"
#include "sample/logit_processors.h"

namespace tangshi {

// For unnormalized log-probabilities, in nats.
inline double log_sum_exp(std::span<const float> logits) {
  const auto count = static_cast<int64_t>(logits.size());
  const float largest = kernels().max(logits.data(), count);
  return largest + std::log(kernels().sum_exp(logits.data(), count, largest));
}

// log_sum_exp of all logits, from that of a subset and the remaining logits.
inline double log_add_exp(double log_total, std::span<const float> others) {
  double largest = log_total;
  for (const float other : others) largest = std::max<double>(largest, other);
  double sum = std::exp(log_total - largest);
  for (const float other : others) sum += std::exp(other - largest);
  return largest + std::log(sum);
}

// Computes log-probabilities without processing, for ids that are chosen by processed logits.
class LogProb {
 public:
  // logits: before processing for this sequence.
  LogProb(std::span<const float> logits, const SequenceView& sequence) : total_(log_sum_exp(logits)) {
    for (const std::span<const int32_t> ids : {sequence.prompt, sequence.drawn}) {
      for (const int32_t id : ids) penalized_.emplace_back(id, logits[id]);
    }
  }

  // logits: after processing. The id must not be excluded; at most, a penalty has changed its logit.
  double operator()(int32_t id, std::span<const float> logits) const {
    for (const auto& [penalized, logit] : penalized_) {
      if (penalized == id) return logit - total_;
    }
    return logits[id] - total_;
  }

  double total() const { return total_; }  // log_sum_exp of the logits

 private:
  const double total_;
  std::vector<std::pair<int32_t, float>> penalized_;  // ids a penalty may change, with their logits
};

}  // namespace tangshi
