#include "draw.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tangshi {

Random::Random(uint64_t seed, uint64_t stream) : state_(seed) {
  state_ = next() ^ (stream * 0x9E3779B97F4A7C15);
  next();
}

uint64_t Random::next() {
  uint64_t z = (state_ += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

double Random::uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

Draw::Draw(const DrawOptions& options, int64_t vocab_size) : options_(options) {
  std::vector<bool> banned(vocab_size, false);
  for (const int32_t id : options.banned) banned[id] = true;
  for (int32_t id = 0; id < vocab_size; id++) {
    if (!banned[id]) allowed_.push_back(id);
  }
}

int32_t Draw::greedy(std::span<const float> logits) const {
  return *std::max_element(allowed_.begin(), allowed_.end(),
                           [&](int32_t a, int32_t b) { return logits[a] < logits[b]; });
}

int32_t Draw::operator()(std::span<const float> logits, Random& random) {
  if (options_.temperature == 0) return greedy(logits);
  float max = -INFINITY;
  for (const int32_t id : allowed_) {
    if (std::isnan(logits[id])) return greedy(logits);  // there is no order among them to draw by
    max = std::max(max, logits[id]);
  }
  candidates_.clear();
  for (const int32_t id : allowed_) {
    candidates_.push_back({id, logits[id], std::exp((logits[id] - max) / options_.temperature)});
  }
  keep_top_k();
  keep_top_p();
  // Inverse CDF: walk until the running sum passes a uniform share of the total.
  const double total = std::accumulate(candidates_.begin(), candidates_.end(), 0.0,
                                       [](double sum, const Candidate& c) { return sum + c.weight; });
  double rest = random.uniform() * total;
  for (const Candidate& candidate : candidates_) {
    rest -= candidate.weight;
    if (rest < 0) return candidate.id;
  }
  // Only rounding, or infinite logits, lead here.
  return greedy(logits);
}

namespace {
const auto likelier = [](const auto& a, const auto& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
};
}  // namespace

void Draw::keep_top_k() {
  const auto k = static_cast<size_t>(options_.top_k);
  if (k == 0 || k >= candidates_.size()) return;
  std::nth_element(candidates_.begin(), candidates_.begin() + k, candidates_.end(), likelier);
  candidates_.resize(k);
}

void Draw::keep_top_p() {
  if (options_.top_p >= 1) return;
  std::sort(candidates_.begin(), candidates_.end(), likelier);
  double total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  double sum = 0;
  size_t kept = 0;
  while (kept < candidates_.size() && sum < options_.top_p * total) sum += candidates_[kept++].weight;
  candidates_.resize(std::max<size_t>(kept, 1));
}

}  // namespace tangshi
