#include "sample/token_sampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>

#include "expect.h"

namespace tangshi::test {
namespace {

const std::vector<float> logits = {0, 1, 2, 3, -1};

int32_t draw_once(const SamplingOptions& options, std::vector<float> logits,
                  const std::vector<int32_t>& banned = {}) {
  for (const int32_t id : banned) logits[id] = -INFINITY;
  Random random(1, 0);
  return TokenSampler(options, banned, static_cast<int64_t>(logits.size()))(logits, random);
}

std::array<double, 5> frequencies(const SamplingOptions& options, int draws = 200'000,
                                  const std::vector<int32_t>& banned = {}) {
  TokenSampler sampler(options, banned, 5);
  Random random(42, 0);
  std::array<double, 5> counts{};
  for (int i = 0; i < draws; i++) {
    std::vector<float> overwritten = logits;
    for (const int32_t id : banned) overwritten[id] = -INFINITY;
    counts[sampler(overwritten, random)] += 1.0 / draws;
  }
  return counts;
}

}  // namespace

TEST(token_sampler, follows_the_softmax_at_its_temperature) {
  for (const double temperature : {0.5, 1.0, 2.0}) {
    const auto seen = frequencies({.temperature = temperature});
    double total = 0;
    for (const float logit : logits) total += std::exp(logit / temperature);
    for (int id = 0; id < 5; id++)
      EXPECT(std::abs(seen[id] - std::exp(logits[id] / temperature) / total) < 0.005);
  }
}

TEST(token_sampler, greedy_takes_the_most_likely_id_and_the_first_on_ties) {
  EXPECT_EQ(draw_once({.temperature = 0}, logits), 3);
  EXPECT_EQ(draw_once({.temperature = 0}, logits, {3}), 2);
  EXPECT_EQ(draw_once({.temperature = 0}, {1, 1, 1}), 0);
  EXPECT_EQ(draw_once({.temperature = 0}, {1, 1, 1}, {1, 0}), 2);
}

TEST(token_sampler, top_k_top_p_and_bans_exclude_all_other_ids) {
  const auto drawn = [](const SamplingOptions& options, const std::vector<int32_t>& banned = {}) {
    std::set<int> ids;
    const auto seen = frequencies(options, 5000, banned);
    for (int id = 0; id < 5; id++) {
      if (seen[id] > 0) ids.insert(id);
    }
    return ids;
  };
  EXPECT(drawn({.top_k = 2}) == (std::set{2, 3}));
  EXPECT(drawn({.top_k = 1}) == (std::set{3}));
  EXPECT(drawn({.top_p = 0.6}) == (std::set{3}));     // p(3) = 0.64
  EXPECT(drawn({.top_p = 0.7}) == (std::set{2, 3}));  // with p(2) = 0.23
  EXPECT(drawn({.top_p = 0}) == (std::set{3}));
  EXPECT(drawn({}, {3, 2}) == (std::set{0, 1, 4}));
  EXPECT(drawn({.top_k = 2}, {3}) == (std::set{1, 2}));
}

TEST(token_sampler, every_temperature_draws_an_id) {
  for (const double temperature : {5e-324, 1e-39, 1e-38, 1e-30, 1e-20, 1e-3, 1e6}) {
    for (const SamplingOptions& options :
         {SamplingOptions{.temperature = temperature},
          SamplingOptions{.temperature = temperature, .top_p = 0.95},
          SamplingOptions{.temperature = temperature, .top_k = 2, .top_p = 0.5}}) {
      const int32_t id = draw_once(options, {0, 1, 2, 3, -1});
      EXPECT(id >= 0 && id < 5 && (temperature > 1 || id == 3));
    }
  }
}

// The shortest prefix of the ids, sorted by descending logit, that reaches a probability.
std::set<int32_t> nucleus(const std::vector<float>& logits, double top_p) {
  std::vector<int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::stable_sort(ids.begin(), ids.end(), [&](int32_t a, int32_t b) { return logits[a] > logits[b]; });
  double total = 0, sum = 0;
  for (const float logit : logits) total += std::exp(static_cast<double>(logit));
  std::set<int32_t> kept;
  for (const int32_t id : ids) {
    if (sum >= top_p * total) break;
    kept.insert(id);
    sum += std::exp(static_cast<double>(logits[id]));
  }
  return kept;
}

TEST(token_sampler, top_p_refers_to_the_whole_distribution) {
  constexpr int32_t vocab = 6000;
  std::vector<float> flat(vocab), zipf(vocab), peaked(vocab);
  for (int32_t id = 0; id < vocab; id++) {
    flat[id] = static_cast<float>(id % 7) * 0.1f;
    zipf[id] = -std::log(static_cast<float>(1 + (id * 7919) % vocab));
    peaked[id] = id == 17 ? 12.0f : static_cast<float>(id % 13) * 0.3f;
  }
  for (const auto& logits : {flat, zipf, peaked}) {
    for (const double top_p : {0.5, 0.95}) {
      const std::set<int32_t> expected = nucleus(logits, top_p);
      TokenSampler sampler({.top_p = top_p}, {}, vocab);
      Random random(3, 0);
      std::set<int32_t> drawn;
      constexpr int draws = 1'500;
      for (int i = 0; i < draws; i++) drawn.insert(sampler(logits, random));
      for (const int32_t id : drawn) EXPECT(expected.contains(id));
      // The number of distinct ids expected from so many draws.
      double total = 0, found = 0;
      for (const int32_t id : expected) total += std::exp(logits[id]);
      for (const int32_t id : expected) found += 1 - std::pow(1 - std::exp(logits[id]) / total, draws);
      EXPECT(static_cast<double>(drawn.size()) > 0.97 * found);
    }
  }
}

TEST(token_sampler, streams_differ_and_are_reproducible) {
  const auto stream = [](uint64_t seed, uint64_t stream) {
    Random random(seed, stream);
    std::vector<double> values;
    for (int i = 0; i < 4; i++) values.push_back(random.uniform());
    return values;
  };
  EXPECT(stream(1, 0) == stream(1, 0));
  EXPECT(stream(1, 0) != stream(1, 1));
  EXPECT(stream(1, 1) != stream(2, 0));
}

TEST(token_sampler, nonfinite_logits_still_give_an_allowed_id) {
  for (const float odd : {NAN, INFINITY, -INFINITY}) {
    const int32_t id = draw_once({}, {odd, odd, odd}, {0});
    EXPECT(id == 1 || id == 2);
  }
  EXPECT_EQ(draw_once({}, {0, INFINITY, 0}), 1);
}

}  // namespace tangshi::test
