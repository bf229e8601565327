#include "sample/logit_constraint.h"

#include <algorithm>
#include <cmath>

#include "inference_fixture.h"

namespace tangshi::test {
namespace {

using Ids = std::vector<int32_t>;
using Plan = std::vector<LogitConstraint::Position>;

constexpr int32_t none = LogitConstraint::no_rhyme;
constexpr LogitConstraint::Position any{0}, comma{1}, rhyme{0, 0};

// Repeats the id of a position; its mask allows only the comma.
constexpr LogitConstraint::Position repeat(int32_t position, int32_t rhyme = none) {
  return {1, rhyme, 0, position};
}

// Ids 0 to 10. Mask 0: all but 0 and 10; mask 1: only id 9, as a comma. Ids 1, 2, 3 are in group A; 3, 4, 5
// in group B. `word` is the word that holds the bits of A and B: 0, or 3 for groups 96 and 97.
LogitConstraint constraint(std::vector<Plan> plans, size_t word = 0) {
  LogitConstraint out;
  out.masks.assign(22, 0);
  for (int id = 1; id < 10; id++) out.masks[id] = 1;
  out.masks[11 + 9] = 1;
  const std::vector<uint32_t> groups = {0, 1, 1, 3, 2, 2, 0, 0, 0, 0, 0};
  std::vector<uint32_t>& table = out.tables.emplace_back(11 * (word + 1), 0);
  for (size_t id = 0; id < groups.size(); id++) table[id * (word + 1) + word] = groups[id];
  out.allowed_groups.assign(word + 1, 0);
  out.allowed_groups[word] = 3;
  out.plans = std::move(plans);
  return out;
}

// Ids allowed at the current position.
Ids allowed(const ConstraintState& state) {
  std::vector<float> logits(11, 1);
  state.apply(logits);
  Ids ids;
  for (int32_t id = 0; id < 11; id++) {
    if (std::isfinite(logits[id])) ids.push_back(id);
  }
  return ids;
}

}  // namespace

TEST(logit_constraint, positions_allow_the_ids_of_their_masks) {
  const LogitConstraint c = constraint({{any, comma}});
  ConstraintState state(c, 0);
  EXPECT(allowed(state) == (Ids{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  state.advance(7);
  EXPECT(!state.is_done());
  EXPECT(allowed(state) == (Ids{9}));
  state.advance(9);
  EXPECT(state.is_done());
}

TEST(logit_constraint, rhymes_share_a_group_and_do_not_repeat) {
  for (const size_t word : {0, 3}) {  // more groups than fit in one word
    const LogitConstraint c = constraint({{rhyme, any, rhyme, rhyme, rhyme}}, word);
    ConstraintState state(c, 0);
    EXPECT(allowed(state) == (Ids{1, 2, 3, 4, 5}));
    state.advance(3);  // in both groups: the group is still open
    state.advance(8);
    EXPECT(allowed(state) == (Ids{1, 2, 4, 5}));
    state.advance(4);
    EXPECT(allowed(state) == (Ids{5}));
    state.advance(5);
    EXPECT(allowed(state) == (Ids{3, 4, 5}));  // none is left: repetition is allowed
  }
}

TEST(logit_constraint, several_rhymes_in_a_sequence_are_independent) {
  constexpr LogitConstraint::Position second{0, 1};
  const LogitConstraint c = constraint({{rhyme, second, rhyme, second, second}});
  ConstraintState state(c, 0);
  state.advance(1);  // the first rhyme is in A
  EXPECT(allowed(state) == (Ids{1, 2, 3, 4, 5}));
  state.advance(4);  // the second in B
  EXPECT(allowed(state) == (Ids{2, 3}));
  state.advance(2);
  EXPECT(allowed(state) == (Ids{3, 5}));
  state.advance(5);
  EXPECT(allowed(state) == (Ids{3}));
}

TEST(logit_constraint, an_id_may_rhyme_differently_in_another_tone) {
  for (const size_t word : {0, 3}) {
    LogitConstraint c = constraint({{rhyme, {0, 0, 1}, rhyme, {0, 0, 1}}}, word);
    // In the oblique table, 1 (which may have either tone), 6 and 7 are in A, 8 in B, 4 in another group.
    std::vector<uint32_t>& oblique = c.tables.emplace_back(11 * (word + 1), 0);
    for (const auto& [id, groups] :
         std::vector<std::pair<int, uint32_t>>{{1, 1}, {4, 4}, {6, 1}, {7, 1}, {8, 2}})
      oblique[id * (word + 1) + word] = groups;
    c.allowed_groups[word] = 7;
    ConstraintState state(c, 0);
    EXPECT(allowed(state) == (Ids{1, 2, 3, 4, 5}));
    state.advance(3);  // in A and B
    EXPECT(allowed(state) == (Ids{1, 6, 7, 8}));
    state.advance(6);
    EXPECT(allowed(state) == (Ids{1, 2}));  // 6 has narrowed the rhyme to A in both tables
    state.advance(1);
    EXPECT(allowed(state) == (Ids{7}));  // 1 has been used in the other tone
  }
}

TEST(logit_constraint, a_repeated_position_allows_only_its_id_whatever_the_mask) {
  const LogitConstraint c = constraint({{any, any, repeat(1), comma, repeat(2), repeat(0)}});
  ConstraintState state(c, 0);
  state.advance(7);
  state.advance(10);  // no mask allows it
  EXPECT(allowed(state) == (Ids{10}));
  state.advance(10);
  EXPECT(allowed(state) == (Ids{9}));
  state.advance(9);
  EXPECT(allowed(state) == (Ids{10}));  // repeats a repetition
  state.advance(10);
  EXPECT(allowed(state) == (Ids{7}));
  state.advance(7);
  EXPECT(state.is_done());
}

TEST(logit_constraint, a_repeated_id_keeps_its_logit) {
  const LogitConstraint c = constraint({{any, repeat(0)}});
  ConstraintState state(c, 0);
  state.advance(4);
  std::vector<float> logits(11, 1);
  logits[4] = -3;
  state.apply(logits);
  EXPECT_EQ(logits[4], -3.0f);
}

TEST(logit_constraint, a_repeated_rhyme_may_repeat_its_id_and_narrows_the_others) {
  const LogitConstraint c = constraint({{rhyme, repeat(0, 0), rhyme, any, repeat(3, 0), rhyme}});
  ConstraintState state(c, 0);
  state.advance(3);  // in A and B
  EXPECT(allowed(state) == (Ids{3}));
  state.advance(3);
  EXPECT(allowed(state) == (Ids{1, 2, 4, 5}));
  state.advance(1);  // A
  state.advance(2);  // not as a rhyme
  EXPECT(allowed(state) == (Ids{2}));
  state.advance(2);
  EXPECT(allowed(state) == (Ids{1, 2, 3}));  // all are used: repetition is allowed
}

TEST(logit_constraint, if_no_rhyme_is_left_the_mask_applies) {
  LogitConstraint c = constraint({{{1, 0}}});
  EXPECT(allowed(ConstraintState(c, 0)) == (Ids{9}));
  c = constraint({{rhyme}});
  c.allowed_groups = {4};
  EXPECT_EQ(allowed(ConstraintState(c, 0)).size(), 9u);
}

TEST(logit_constraint, samples_follow_their_plans_including_the_prompt) {
  Writer writer;
  GenerateOptions options{.max_new_tokens = 50, .logits = {.end_id = 10}};
  options.logits.constraint =
      constraint({{any, comma, rhyme, comma, rhyme, comma}, {rhyme, comma, rhyme, comma}});
  const std::vector<uint32_t> groups = options.logits.constraint->tables[0];
  for (uint64_t seed = 0; seed < 50; seed++) {
    options.seeds = {seed, seed};
    const auto samples = writer({{1, 6}, {1, 4, 9}}, options);
    EXPECT(samples[0].ended && samples[0].ids.size() == 5 && samples[0].ids[0] == 9);
    const int32_t a = samples[0].ids[1], b = samples[0].ids[3];
    EXPECT(a != b && (groups[a] & groups[b]) != 0);
    EXPECT(samples[1].ended && samples[1].ids.size() == 2);
    EXPECT(samples[1].ids[0] == 3 || samples[1].ids[0] == 5);
  }
  const auto whole = writer({{1, 6, 9, 1, 9, 2, 9}, {1, 4, 9, 5, 9}}, options);
  EXPECT(whole[0].ended && whole[0].ids.empty() && whole[1].ended && whole[1].ids.empty());
}

TEST(logit_constraint, samples_repeat_ids_drawn_or_of_the_prompt) {
  Writer writer;
  GenerateOptions options{.max_new_tokens = 50, .logits = {.end_id = 10, .repetition_penalty = 50}};
  const Plan plan = {any, rhyme, comma, repeat(0), repeat(1, 0), comma, any, repeat(6)};
  options.logits.constraint = constraint({plan, plan, plan, plan});
  // Nothing is given; the beginning; some of the repetitions; a prompt that does not repeat what it should.
  const std::vector<std::vector<int32_t>> prompts = {{1}, {1, 0, 4}, {1, 7, 2, 9, 7}, {1, 7, 2, 9, 8}};
  for (const SamplingOptions& sampling :
       {SamplingOptions{}, SamplingOptions{.temperature = 0}, SamplingOptions{.top_k = 1},
        SamplingOptions{.temperature = 0.1, .top_k = 2, .top_p = 0.1}}) {
    options.sampling = sampling;
    for (uint64_t seed = 0; seed < 20; seed++) {
      options.seeds.assign(prompts.size(), seed);
      const auto samples = writer(prompts, options);
      for (size_t i = 0; i < prompts.size(); i++) {
        Ids ids(prompts[i].begin() + 1, prompts[i].end());
        ids.insert(ids.end(), samples[i].ids.begin(), samples[i].ids.end());
        EXPECT(samples[i].ended && ids.size() == plan.size() && std::isfinite(samples[i].log_prob));
        EXPECT_EQ(ids[3], i == 3 ? 8 : ids[0]);
        EXPECT(ids[4] == ids[1] && ids[7] == ids[6]);
      }
    }
  }
}

TEST(logit_constraint, a_penalty_prevents_repetition) {
  Writer writer;
  GenerateOptions options{.max_new_tokens = 8, .logits = {.end_id = 10}};
  options.logits = {.end_id = 10, .repetition_penalty = 50, .banned = {10}};
  const auto distinct = [&] {
    Ids ids = writer({{1, 2}}, options)[0].ids;
    ids.push_back(2);
    std::sort(ids.begin(), ids.end());
    return std::unique(ids.begin(), ids.end()) - ids.begin();
  };
  EXPECT_EQ(distinct(), 9);
  options.logits.repeatable = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT(distinct() < 9);
}

}  // namespace tangshi::test
