#include "sample/beam_search.h"

#include <algorithm>
#include <cmath>

#include "inference_fixture.h"
#include "sample/score.h"

namespace tangshi::test {
namespace {

const auto never = [] { return false; };

GenerateOptions with_beam(size_t beam, int64_t length) {
  GenerateOptions options{.max_new_tokens = length, .logits = {.end_id = 10, .banned = {10}}};
  options.beam = beam;
  return options;
}

// The best sequence by exhaustive search.
Sample likeliest(Writer& writer, int32_t begin, int64_t length) {
  Sample best;
  best.log_prob = -INFINITY;
  std::vector<int32_t> ids(length, 0);
  for (;;) {
    std::vector<int32_t> sequence = {begin};
    sequence.insert(sequence.end(), ids.begin(), ids.end());
    double log_prob = 0;
    const auto scores = score(writer.network, writer.threads, {sequence}, never);
    for (const float one : scores[0]) log_prob += one;
    if (log_prob > best.log_prob) best = {ids, false, log_prob};
    size_t position = 0;
    while (position < ids.size() && ++ids[position] == 10) ids[position++] = 0;
    if (position == ids.size()) return best;
  }
}

}  // namespace

TEST(beam_search, width_one_equals_greedy) {
  Writer writer;
  const GenerateOptions greedy{
      .max_new_tokens = 20, .logits = {.end_id = 10, .banned = {10}}, .sampling = {.temperature = 0}};
  const std::vector<std::vector<int32_t>> prompts = {{1}, {2, 3}};
  const auto expected = writer(prompts, greedy);
  const auto found = writer(prompts, with_beam(1, 20));
  for (size_t i = 0; i < prompts.size(); i++) {
    EXPECT(found[i].ids == expected[i].ids);
    EXPECT(std::abs(found[i].log_prob - expected[i].log_prob) < 1e-5);
  }
}

TEST(beam_search, a_wide_enough_beam_finds_the_most_likely_sequence) {
  Writer writer;
  for (const int32_t begin : {1, 4}) {
    const Sample expected = likeliest(writer, begin, 3);
    const Sample found = writer({{begin}}, with_beam(200, 3))[0];
    EXPECT(found.ids == expected.ids);
    EXPECT(std::abs(found.log_prob - expected.log_prob) < 1e-4);
  }
}

TEST(beam_search, an_ended_sequence_is_preferred_to_one_that_was_cut_off) {
  for (uint64_t seed = 1; seed <= 40; seed++) {
    Writer writer(small_network(), random_tensors(small_network(), seed, 1.5));
    GenerateOptions options = with_beam(4, 1000);
    options.logits.banned = {};
    const Sample found = writer({{1}}, options)[0];
    EXPECT(found.ended || found.ids.size() == 1000);
    options.max_new_tokens = 2;
    const Sample cut = writer({{1}}, options)[0];
    EXPECT(cut.ended || cut.ids.size() == 2);
    int asked = 0;
    const Sample canceled = writer({{1}}, options, [&] { return ++asked > 2; })[0];
    EXPECT(canceled.ended || !canceled.ids.empty());
  }
}

TEST(beam_search, a_wider_beam_is_no_worse_and_respects_the_constraint) {
  Writer writer(small_network(), 3);
  GenerateOptions options = with_beam(1, 50);
  std::vector<uint8_t> masks(22, 0);
  for (int id = 1; id < 9; id++) masks[id] = 1;
  masks[11 + 9] = 1;
  constexpr int32_t none = LogitConstraint::no_rhyme;
  const std::vector<LogitConstraint::Position> plan = {{0, none}, {1, none}, {0, 0},
                                                       {1, none}, {0, 0},    {1, none}};
  options.logits.constraint = LogitConstraint{masks, {{0, 1, 1, 3, 2, 2, 0, 0, 0, 0, 0}}, {3}, {plan}};
  const Sample narrow = writer({{1}}, options)[0];
  options.beam = 50;
  const Sample wide = writer({{1}}, options)[0];
  EXPECT(wide.log_prob >= narrow.log_prob);
  EXPECT(wide.ended && wide.ids.size() == 6);
  EXPECT(wide.ids[1] == 9 && wide.ids[3] == 9 && wide.ids[5] == 9 && wide.ids[2] != wide.ids[4]);
}

TEST(beam_search, repeats_ids_drawn_or_of_the_prompt) {
  Writer writer;
  constexpr LogitConstraint::Position any{0}, first{1, LogitConstraint::no_rhyme, 0, 0},
      second{1, LogitConstraint::no_rhyme, 0, 1};
  std::vector<uint8_t> masks(22, 0);
  for (int id = 1; id < 9; id++) masks[id] = 1;
  masks[11 + 9] = 1;
  for (const size_t beam : {1, 3, 50}) {
    GenerateOptions options = with_beam(beam, 50);
    options.logits.repetition_penalty = 5;
    options.logits.constraint =
        LogitConstraint{masks, {std::vector<uint32_t>(11)}, {0}, {{any, any, first, any, second, second}}};
    const Sample drawn = writer({{1}}, options)[0];
    EXPECT(drawn.ended && drawn.ids.size() == 6);
    EXPECT(drawn.ids[2] == drawn.ids[0] && drawn.ids[4] == drawn.ids[1] && drawn.ids[5] == drawn.ids[1]);
    EXPECT(std::isfinite(drawn.log_prob));
    const Sample given = writer({{1, 0, 6}}, options)[0];  // no mask allows id 0
    EXPECT(given.ended && given.ids.size() == 4);
    EXPECT(given.ids[0] == 0 && given.ids[2] == 6 && given.ids[3] == 6);
  }
}

}  // namespace tangshi::test
