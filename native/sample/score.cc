#include "sample/score.h"

#include <algorithm>
#include <atomic>
#include <numeric>

#include "sample/log_prob.h"

namespace tangshi {
namespace {

// Number of sequences a thread scores together, so that the weights are read once for all of them.
constexpr int64_t most_rows = 32;

// Indices of the sequences, longest first: grouping similar lengths avoids wasted work.
std::vector<size_t> longest_first(const std::vector<std::vector<int32_t>>& sequences) {
  std::vector<size_t> order(sequences.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return sequences[a].size() > sequences[b].size(); });
  return order;
}

// Scores the sequences `rows`, which are sorted longest first.
void score_rows(const Network& network, const std::vector<std::vector<int32_t>>& sequences,
                std::span<const size_t> rows, const std::function<bool()>& canceled,
                std::vector<std::vector<float>>& scores) {
  SpinPool alone(0);
  auto live = static_cast<int64_t>(rows.size());
  Network::State state(network, live, alone);
  for (size_t t = 0; !canceled(); t++) {
    const int64_t before = live;
    while (live > 0 && sequences[rows[live - 1]].size() <= t + 1) live--;
    if (live == 0) return;
    if (live < before) {
      std::vector<int64_t> kept(live);
      std::iota(kept.begin(), kept.end(), 0);
      state.select(kept);
    }
    std::vector<int32_t> ids;
    for (int64_t r = 0; r < live; r++) ids.push_back(sequences[rows[r]][t]);
    state.advance(ids);
    state.predict();
    for (int64_t r = 0; r < live; r++) {
      const auto logits = state.logits(r);
      const double log_prob = logits[sequences[rows[r]][t + 1]] - log_sum_exp(logits);
      scores[rows[r]].push_back(static_cast<float>(log_prob));
    }
  }
}

}  // namespace

std::vector<std::vector<float>> score(const Network& network, ThreadPool& threads,
                                      const std::vector<std::vector<int32_t>>& sequences,
                                      const std::function<bool()>& canceled) {
  std::vector<std::vector<float>> scores(sequences.size());
  const std::vector<size_t> order = longest_first(sequences);
  const auto count = static_cast<int64_t>(order.size());
  const int64_t rows = std::clamp<int64_t>((count + threads.count() - 1) / threads.count(), 1, most_rows);
  std::atomic<int64_t> next = 0;
  threads.run([&](int) {
    for (int64_t first; (first = next.fetch_add(rows)) < count;) {
      const std::span<const size_t> some(order.data() + first, std::min(rows, count - first));
      score_rows(network, sequences, some, canceled, scores);
    }
  });
  return scores;
}

std::vector<float> next_log_probs(const Network& network, const std::vector<int32_t>& ids,
                                  const std::function<bool()>& canceled) {
  SpinPool alone(0);
  Network::State state(network, 1, alone);
  for (size_t i = 0; i < ids.size() && !canceled(); i++) state.advance(std::span(&ids[i], 1));
  state.predict();
  const auto logits = state.logits(0);
  const double total = log_sum_exp(logits);
  std::vector<float> log_probs;
  for (const float logit : logits) log_probs.push_back(static_cast<float>(logit - total));
  return log_probs;
}

}  // namespace tangshi
