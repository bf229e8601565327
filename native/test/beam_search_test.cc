#include "sample/beam_search.h"

#include <algorithm>

#include "fixture.h"

namespace tangshi::test {
namespace {

const auto never = [] { return false; };

SampleOptions with_beam(size_t beam, int64_t length) {
  SampleOptions options{.max_new_tokens = length, .end_id = 10, .draw = {.banned = {10}}};
  options.beam = beam;
  return options;
}

// By trying all.
Sample likeliest(Trainer& trainer, int32_t begin, int64_t length) {
  Sample best;
  best.log_prob = -INFINITY;
  std::vector<int32_t> ids(length, 0);
  for (;;) {
    Batch batch{.rows = 1, .time = length};
    batch.inputs = {begin};
    batch.inputs.insert(batch.inputs.end(), ids.begin(), ids.end() - 1);
    batch.targets = ids;
    const double log_prob = -trainer.evaluate(batch).nll;
    if (log_prob > best.log_prob) best = {ids, false, log_prob};
    size_t place = 0;
    while (place < ids.size() && ++ids[place] == 10) ids[place++] = 0;
    if (place == ids.size()) return best;
  }
}

}  // namespace

TEST(beam_search, of_width_one_is_greedy) {
  Trainer trainer = small_trainer();
  SampleOptions greedy{.max_new_tokens = 20, .end_id = 10, .draw = {.temperature = 0, .banned = {10}}};
  const std::vector<std::vector<int32_t>> prompts = {{1}, {2, 3}};
  const auto expected = sample(trainer, prompts, greedy, never);
  const auto found = sample(trainer, prompts, with_beam(1, 20), never);
  for (size_t i = 0; i < prompts.size(); i++) EXPECT(found[i].ids == expected[i].ids);
}

TEST(beam_search, wide_enough_finds_the_likeliest_of_all) {
  Trainer trainer = small_trainer();
  const Batch poem{.inputs = {1, 3, 5, 7, 9, 2}, .targets = {3, 5, 7, 9, 2, 10}, .rows = 1, .time = 6};
  for (int i = 0; i < 20; i++) trainer.step(poem, 0.05, 1);
  for (const int32_t begin : {1, 4}) {
    const Sample expected = likeliest(trainer, begin, 3);
    const Sample found = sample(trainer, {{begin}}, with_beam(200, 3), never)[0];
    EXPECT(found.ids == expected.ids);
    EXPECT(std::abs(found.log_prob - expected.log_prob) < 1e-4);
  }
}

TEST(beam_search, wider_is_no_worse_and_keeps_to_the_guide) {
  Trainer trainer = small_trainer();
  SampleOptions options = with_beam(1, 50);
  std::vector<uint8_t> masks(22, 0);
  for (int id = 1; id < 9; id++) masks[id] = 1;
  masks[11 + 9] = 1;
  constexpr int32_t rhyme = Guide::rhymes;
  options.guide = Guide{masks, {0, 1, 1, 3, 2, 2, 0, 0, 0, 0, 0}, 3, {{0, 1, rhyme, 1, rhyme, 1}}};
  const Sample narrow = sample(trainer, {{1}}, options, never)[0];
  options.beam = 50;
  const Sample wide = sample(trainer, {{1}}, options, never)[0];
  EXPECT(wide.log_prob >= narrow.log_prob);
  EXPECT(wide.ended && wide.ids.size() == 6);
  EXPECT(wide.ids[1] == 9 && wide.ids[3] == 9 && wide.ids[5] == 9 && wide.ids[2] != wide.ids[4]);
}

TEST(beam_search, ends_where_the_end_is_likeliest) {
  Trainer trainer = small_trainer(small_model(), {.kind = OptimizerKind::adam});
  const Batch poem{.inputs = {1, 3, 5, 7, 9, 2}, .targets = {3, 5, 7, 9, 2, 10}, .rows = 1, .time = 6};
  for (int i = 0; i < 200; i++) trainer.step(poem, 0.02, 1);
  SampleOptions options = with_beam(5, 50);
  options.draw.banned = {};
  const Sample found = sample(trainer, {{1}}, options, never)[0];
  EXPECT(found.ids == (std::vector<int32_t>{3, 5, 7, 9, 2}) && found.ended);
}

}  // namespace tangshi::test
