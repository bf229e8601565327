#include "sample/token_sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <set>

#include "kernels/kernels.h"
#include "sample/log_prob.h"

namespace tangshi {

namespace {

constexpr size_t block = 64;  // weights to a sum

bool likelier(const auto& a, const auto& b) {
  return a.weight > b.weight || (a.weight == b.weight && a.id < b.id);
}

// By exponent and the first three bits of the fraction, for weights in (0, 1]: ascending, like their bits.
size_t bucket_of(float weight) { return std::bit_cast<uint32_t>(weight) >> 20; }

// Inverse CDF: the first index whose running sum exceeds a share, in [0, 1), of the total. If rounding leaves
// the sum short, the last index with a nonzero weight.
template <typename Weight>
size_t pass(size_t count, double rest, Weight weight) {
  size_t last = 0;
  for (size_t i = 0; i < count; i++) {
    if (weight(i) <= 0) continue;
    last = i;
    rest -= weight(i);
    if (rest < 0) break;
  }
  return last;
}

}  // namespace

TokenSampler::TokenSampler(const SamplingOptions& options, std::span<const int32_t> banned,
                           int64_t vocab_size)
    : options_(options), weights_(vocab_size), sums_((vocab_size + block - 1) / block) {
  const std::set<int32_t> all(banned.begin(), banned.end());
  while (all.contains(first_allowed_)) first_allowed_++;
}

int32_t TokenSampler::operator()(std::span<const float> logits, Random& random, double* log_total) {
  const float largest = kernels().max(logits.data(), logits.size());
  // Below this temperature, any difference between logits is effectively infinite. With an infinite or NaN
  // logit, probabilities are undefined.
  constexpr double lowest_temperature = 1e-30;
  if (options_.temperature < lowest_temperature || !std::isfinite(largest)) {
    if (log_total != nullptr) *log_total = log_sum_exp(logits);
    return greedy(logits);
  }
  const auto scale = static_cast<float>(1 / options_.temperature);
  kernels().exp_weights(logits.data(), logits.size(), largest, scale, weights_.data(), sums_.data(),
                        log_total);
  if (log_total != nullptr) *log_total = largest + std::log(*log_total);
  const double share = random.uniform();
  const bool all = options_.top_k == 0 && options_.top_p >= 1;
  return all ? among_all(share) : among_some(share);
}

int32_t TokenSampler::greedy(std::span<const float> logits) const {
  int32_t best = first_allowed_;
  for (int32_t id = best + 1; id < static_cast<int32_t>(logits.size()); id++) {
    if (logits[id] > logits[best]) best = id;
  }
  return best;
}

int32_t TokenSampler::among_all(double share) const {
  const double total = std::accumulate(sums_.begin(), sums_.end(), 0.0);
  double rest = share * total;
  // Chooses the block first, then the index in it.
  size_t chosen = 0;
  for (size_t i = 0; i < sums_.size(); i++) {
    if (sums_[i] <= 0) continue;
    chosen = i;
    if (rest < sums_[i]) break;
    rest -= sums_[i];
  }
  const size_t begin = chosen * block, size = std::min(block, weights_.size() - begin);
  return static_cast<int32_t>(begin + pass(size, rest, [&](size_t i) { return weights_[begin + i]; }));
}

int32_t TokenSampler::among_some(double share) {
  const double total = std::accumulate(sums_.begin(), sums_.end(), 0.0);
  // All weights below this bound together are less than what top-p leaves out.
  const double bound = options_.top_k > 0 ? 0 : (1 - options_.top_p) * total / weights_.size();
  collect(static_cast<float>(bound));
  const bool cut = keep_top_k();
  keep_top_p(cut ? weight_of_candidates() : total);
  const double kept = weight_of_candidates();
  return candidates_[pass(candidates_.size(), share * kept, [&](size_t i) { return candidates_[i].weight; })]
      .id;
}

void TokenSampler::collect(float least) {
  candidates_.clear();
  for (size_t i = 0; i < sums_.size(); i++) {
    if (sums_[i] < least || sums_[i] <= 0) continue;
    const size_t begin = i * block, end = std::min(begin + block, weights_.size());
    for (size_t id = begin; id < end; id++) {
      if (weights_[id] >= least && weights_[id] > 0)
        candidates_.push_back({static_cast<int32_t>(id), weights_[id]});
    }
  }
}

double TokenSampler::weight_of_candidates() const {
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  return total;
}

bool TokenSampler::keep_top_k() {
  const auto k = static_cast<size_t>(options_.top_k);
  if (k == 0 || k >= candidates_.size()) return false;
  keep_likeliest(static_cast<double>(k), [](const Candidate&) { return 1.0; });
  return true;
}

void TokenSampler::keep_top_p(double total) {
  if (options_.top_p >= 1) return;
  keep_likeliest(options_.top_p * total, [](const Candidate& c) -> double { return c.weight; });
}

template <typename Measure>
void TokenSampler::keep_likeliest(double enough, Measure measure) {
  // Weights in one bucket differ by at most an eighth; only the bucket with the cutoff is sorted.
  std::fill(buckets_.begin(), buckets_.end(), 0.0);
  for (const Candidate& candidate : candidates_) buckets_[bucket_of(candidate.weight)] += measure(candidate);
  size_t last = buckets_.size() - 1;
  while (last > 0 && (buckets_[last] == 0 || buckets_[last] < enough)) enough -= buckets_[last--];

  ranked_.clear();
  for (const Candidate& candidate : candidates_) {
    if (bucket_of(candidate.weight) == last) ranked_.push_back(candidate);
  }
  if (ranked_.empty()) return;  // rounding leaves the sum of all weights short
  std::sort(ranked_.begin(), ranked_.end(), likelier<Candidate, Candidate>);
  size_t place = 0;
  for (; place + 1 < ranked_.size(); place++) {
    enough -= measure(ranked_[place]);
    if (enough <= 0) break;
  }
  const Candidate least = ranked_[place];
  std::erase_if(candidates_, [&](const Candidate& other) { return likelier(least, other); });
}

}  // namespace tangshi
