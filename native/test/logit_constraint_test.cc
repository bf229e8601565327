#include "sample/logit_constraint.h"

#include <cmath>

#include "fixture.h"
#include "sample/generate.h"

namespace tangshi::test {
namespace {

constexpr int32_t R = Guide::rhymes;

// Ids 0 to 10. Mask 0: all but 0 and 10; mask 1: id 9 alone, as a comma. Ids 1, 2, 3 are of group A, 3, 4, 5
// of group B.
Guide guide(std::vector<std::vector<int32_t>> plans) {
  std::vector<uint8_t> masks(22, 0);
  for (int id = 1; id < 10; id++) masks[id] = 1;
  masks[11 + 9] = 1;
  return {masks, {0, 1, 1, 3, 2, 2, 0, 0, 0, 0, 0}, 3, std::move(plans)};
}

// What may stand, of logits that are all alike.
std::vector<int32_t> allowed(const Guided& guided) {
  std::vector<float> logits(11, 1);
  guided.restrict(logits);
  std::vector<int32_t> ids;
  for (int32_t id = 0; id < 11; id++) {
    if (std::isfinite(logits[id])) ids.push_back(id);
  }
  return ids;
}

using Ids = std::vector<int32_t>;

}  // namespace

TEST(logit_constraint, places_allow_what_their_masks_do) {
  const Guide g = guide({{0, 1}});
  Guided guided(g, 0);
  EXPECT(allowed(guided) == (Ids{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  guided.take(7);
  EXPECT(!guided.is_done());
  EXPECT(allowed(guided) == (Ids{9}));
  guided.take(9);
  EXPECT(guided.is_done());
}

TEST(logit_constraint, rhymes_are_of_one_group_and_none_stands_twice) {
  const Guide g = guide({{R, 0, R, R, R}});
  Guided guided(g, 0);
  EXPECT(allowed(guided) == (Ids{1, 2, 3, 4, 5}));
  guided.take(3);  // of both groups: which one is still open
  guided.take(8);
  EXPECT(allowed(guided) == (Ids{1, 2, 4, 5}));
  guided.take(4);
  EXPECT(allowed(guided) == (Ids{5}));
  guided.take(5);
  EXPECT(allowed(guided) == (Ids{3, 4, 5}));  // none is left: one may stand again
}

TEST(logit_constraint, where_no_rhyme_is_left_the_mask_holds) {
  Guide g = guide({{R + 1}});
  EXPECT(allowed(Guided(g, 0)) == (Ids{9}));
  g = guide({{R}});
  g.allowed_groups = 4;
  EXPECT_EQ(allowed(Guided(g, 0)).size(), 9u);
}

TEST(logit_constraint, samples_keep_to_their_plans_the_prompt_included) {
  Trainer trainer = small_trainer();
  SampleOptions options{.max_new_tokens = 50, .end_id = 10};
  options.guide = guide({{0, 1, R, 1, R, 1}, {R, 1, R, 1}});
  for (uint64_t seed = 0; seed < 50; seed++) {
    options.seed = seed;
    const auto samples = sample(trainer, {{1, 6}, {1, 4, 9}}, options, [] { return false; });
    EXPECT(samples[0].ended && samples[0].ids.size() == 5 && samples[0].ids[0] == 9);
    const int32_t a = samples[0].ids[1], b = samples[0].ids[3];
    EXPECT(a != b && (options.guide->groups[a] & options.guide->groups[b]) != 0);
    EXPECT(samples[1].ended && samples[1].ids.size() == 2);
    EXPECT(samples[1].ids[0] == 3 || samples[1].ids[0] == 5);
  }
  const auto whole = sample(trainer, {{1, 6, 9, 1, 9, 2, 9}, {1, 4, 9, 5, 9}}, options, [] { return false; });
  EXPECT(whole[0].ended && whole[0].ids.empty() && whole[1].ended && whole[1].ids.empty());
}

TEST(logit_constraint, a_penalty_keeps_ids_from_standing_twice) {
  Trainer trainer = small_trainer();
  SampleOptions options{
      .max_new_tokens = 8, .end_id = 10, .draw = {.banned = {10}}, .repetition_penalty = 50};
  const auto distinct = [&] {
    Ids ids = sample(trainer, {{1, 2}}, options, [] { return false; })[0].ids;
    ids.push_back(2);
    std::sort(ids.begin(), ids.end());
    return std::unique(ids.begin(), ids.end()) - ids.begin();
  };
  EXPECT_EQ(distinct(), 9);
  options.repeatable = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT(distinct() < 9);
}

TEST(logit_constraint, the_score_is_the_networks_own) {
  Trainer trainer = small_trainer();
  SampleOptions options{.max_new_tokens = 6, .end_id = 10, .draw = {.temperature = 0.5, .banned = {10}}};
  options.score = true;
  options.repetition_penalty = 1;
  const Sample drawn = sample(trainer, {{1}}, options, [] { return false; })[0];
  Batch batch{.rows = 1, .time = 6};
  batch.inputs = {1};
  batch.inputs.insert(batch.inputs.end(), drawn.ids.begin(), drawn.ids.end() - 1);
  batch.targets = drawn.ids;
  EXPECT(std::abs(trainer.evaluate(batch).nll + drawn.log_prob) < 1e-4);
}

}  // namespace tangshi::test
