#include "sample/generate.h"

#include <atomic>
#include <cmath>
#include <mutex>

#include "inference_fixture.h"

namespace tangshi::test {
namespace {

GenerateOptions greedy(int64_t max_new_tokens) {
  return {.max_new_tokens = max_new_tokens, .logits = {.end_id = 10}, .sampling = {.temperature = 0}};
}

}  // namespace

TEST(generate, sequences_depend_on_seed_and_stream) {
  Writer writer;
  GenerateOptions options{.max_new_tokens = 30, .logits = {.end_id = 10, .banned = {10}}};
  options.seeds = {7, 7, 8, 7};
  options.streams = {0, 1, 0, 0};
  const auto samples = writer({{1}, {1}, {1}, {1}}, options);
  EXPECT_EQ(samples[0].ids.size(), 30u);
  EXPECT(samples[0].ids == samples[3].ids);
  EXPECT(samples[0].ids != samples[1].ids && samples[0].ids != samples[2].ids);
}

TEST(generate, a_sequence_does_not_depend_on_other_sequences_or_threads) {
  const GenerateOptions options{.max_new_tokens = 30, .logits = {.end_id = 10}, .sampling = {.top_p = 0.9}};
  Writer one;
  const std::vector<std::vector<int32_t>> prompts(300, {1, 2});
  const auto expected = one(prompts, options);
  for (const int threads : {2, 3, 8}) {
    Writer several(small_network(), threads);
    const auto samples = several(prompts, options);
    for (size_t i = 0; i < prompts.size(); i++) {
      EXPECT(samples[i].ids == expected[i].ids);
      EXPECT_EQ(samples[i].log_prob, expected[i].log_prob);
    }
    const auto alone = several({{1, 2}}, options);  // its products are split over the threads
    EXPECT(alone[0].ids == expected[0].ids);
    EXPECT_EQ(alone[0].log_prob, expected[0].log_prob);
  }
}

TEST(generate, prompts_of_different_lengths_start_drawing_at_different_times) {
  Writer writer;
  const std::vector<std::vector<int32_t>> prompts = {{1}, {2, 3, 4}, {5, 6}, {8, 1, 2, 3, 4, 5}};
  const auto together = writer(prompts, greedy(20));
  for (size_t i = 0; i < prompts.size(); i++) {
    EXPECT(together[i].ids == writer({prompts[i]}, greedy(20))[0].ids);
  }
}

TEST(generate, the_listener_gets_each_id_of_each_sequence_in_order) {
  Writer writer(small_network(), 3);
  const GenerateOptions options{.max_new_tokens = 20, .logits = {.end_id = 10}};
  std::mutex mutex;
  std::vector<std::vector<int32_t>> heard(50);
  const auto samples = writer(
      std::vector<std::vector<int32_t>>(50, {1}), options, [] { return false; },
      [&](size_t prompt, int32_t id) {
        const std::lock_guard lock(mutex);
        heard[prompt].push_back(id);
      });
  for (size_t i = 0; i < heard.size(); i++) EXPECT(heard[i] == samples[i].ids);
}

// The log-probability of the ids drawn, computed by constraining a sequence to them.
double log_prob_of(Writer& writer, const std::vector<int32_t>& ids) {
  GenerateOptions forced{.max_new_tokens = 100, .logits = {.end_id = 10}};
  LogitConstraint constraint{{}, {std::vector<uint32_t>(11)}, {0}, {{}}};
  for (size_t i = 0; i < ids.size(); i++) {
    for (int32_t id = 0; id < 11; id++) constraint.masks.push_back(id == ids[i]);
    constraint.plans[0].push_back({static_cast<int32_t>(i), LogitConstraint::no_rhyme});
  }
  forced.logits.constraint = constraint;
  const Sample sample = writer({{1}}, forced)[0];
  EXPECT(sample.ids == ids && sample.ended);
  return sample.log_prob;
}

TEST(generate, the_log_probability_is_that_of_the_network) {
  // Temperature, penalty, bans and top-k do not change it.
  Writer writer;
  GenerateOptions options{.max_new_tokens = 10, .logits = {.end_id = 10, .banned = {10, 3, 10}}};
  for (const double penalty : {0.0, 2.0}) {
    for (const SamplingOptions& sampling :
         {SamplingOptions{.temperature = 0}, SamplingOptions{.temperature = 0.3, .top_k = 2},
          SamplingOptions{}, SamplingOptions{.temperature = 2, .top_p = 0.9}}) {
      options.logits.repetition_penalty = penalty;
      options.sampling = sampling;
      const Sample drawn = writer({{1}}, options)[0];
      EXPECT_EQ(drawn.ids.size(), 10u);
      EXPECT(std::abs(drawn.log_prob - log_prob_of(writer, drawn.ids)) < 1e-5);
    }
  }
}

TEST(generate, no_sequence_ends_before_its_minimum_length) {
  Writer writer;
  const std::vector<std::vector<int32_t>> prompts(200, {1});
  GenerateOptions options{.max_new_tokens = 50, .logits = {.end_id = 10}};
  const auto shortest = [&] {
    size_t length = 50;
    for (const Sample& sample : writer(prompts, options)) length = std::min(length, sample.ids.size());
    return length;
  };
  EXPECT(shortest() < 3);
  options.logits.min_new_tokens = 7;
  EXPECT_EQ(shortest(), 7u);
  const Sample drawn = writer({{1}}, options)[0];
  if (!drawn.ended) EXPECT(std::abs(drawn.log_prob - log_prob_of(writer, drawn.ids)) < 1e-5);
  options.beam = 4;
  EXPECT(writer({{1}}, options)[0].ids.size() >= 7);
}

TEST(generate, stops_when_canceled) {
  Writer writer;
  int asked = 0;
  GenerateOptions options{.max_new_tokens = 1000, .logits = {.end_id = 10, .banned = {10}}};
  EXPECT_EQ(writer({{1}}, options, [&] { return ++asked > 5; })[0].ids.size(), 5u);
  Writer several(small_network(), 3);
  std::atomic<int> often = 0;
  const auto samples =
      several(std::vector<std::vector<int32_t>>(300, {1}), options, [&] { return ++often > 100; });
  EXPECT_EQ(samples.size(), 300u);
}

TEST(generate, no_prompts_give_no_samples) {
  Writer writer;
  EXPECT(writer({}, greedy(5)).empty());
  EXPECT(writer({{1}}, greedy(0))[0].ids.empty());
}

}  // namespace tangshi::test
