#include "sample/generate.h"

#include "fixture.h"

namespace tangshi::test {
namespace {

const auto never = [] { return false; };

SampleOptions greedy(int64_t max_new_tokens) {
  return {.max_new_tokens = max_new_tokens, .end_id = 10, .draw = {.temperature = 0}};
}

// The original program's way: the whole prefix through the network again for each character.
std::vector<int32_t> greedy_from_scratch(ModelImpl& model, std::vector<int32_t> ids, size_t new_tokens) {
  at::NoGradGuard no_grad;
  const size_t prompt = ids.size();
  while (ids.size() < prompt + new_tokens) {
    HiddenState state = model.zero_state(1);
    const at::Tensor input = at::tensor(at::ArrayRef<int32_t>(ids), at::kInt).to(at::kLong).unsqueeze(1);
    const at::Tensor hidden = model.forward(input, state, std::nullopt);
    const auto id = model.logits(hidden[-1][0]).argmax().item<int32_t>();
    if (id == 10) break;
    ids.push_back(id);
  }
  return {ids.begin() + prompt, ids.end()};
}

}  // namespace

TEST(generate, carrying_the_state_is_feeding_the_prefix_again) {
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn}) {
    Trainer trainer = small_trainer(small_model(cell));
    const std::vector<std::vector<int32_t>> prompts = {{1}, {2, 3, 4}, {5, 6}, {7}};
    const auto samples = sample(trainer, prompts, greedy(20), never);
    for (size_t i = 0; i < prompts.size(); i++) {
      EXPECT(samples[i].ids == greedy_from_scratch(*model_of(trainer), prompts[i], 20));
    }
  }
}

TEST(generate, recites_what_it_learned_and_stops_at_the_end) {
  Trainer trainer = small_trainer(small_model(), {.kind = OptimizerKind::adam});
  const Batch poem{.inputs = {1, 3, 5, 7, 9, 2}, .targets = {3, 5, 7, 9, 2, 10}, .rows = 1, .time = 6};
  for (int i = 0; i < 200; i++) trainer.step(poem, 0.02, 1);
  const auto samples = sample(trainer, {{1}, {1, 3, 5}}, greedy(50), never);
  EXPECT(samples[0].ids == (std::vector<int32_t>{3, 5, 7, 9, 2}) && samples[0].ended);
  EXPECT(samples[1].ids == (std::vector<int32_t>{7, 9, 2}) && samples[1].ended);
  const auto cut = sample(trainer, {{1}}, greedy(2), never);
  EXPECT(cut[0].ids == (std::vector<int32_t>{3, 5}) && !cut[0].ended);
}

TEST(generate, sequences_follow_seed_and_place) {
  Trainer trainer = small_trainer();
  SampleOptions options{.max_new_tokens = 30, .end_id = 10, .draw = {.banned = {10}}, .seed = 7};
  const auto first = sample(trainer, {{1}, {1}}, options, never);
  const auto again = sample(trainer, {{1}, {1}}, options, never);
  EXPECT_EQ(first[0].ids.size(), 30u);
  EXPECT(first[0].ids == again[0].ids && first[1].ids == again[1].ids);
  EXPECT(first[0].ids != first[1].ids);
  options.seed = 8;
  EXPECT(sample(trainer, {{1}, {1}}, options, never)[0].ids != first[0].ids);
}

TEST(generate, a_sequence_does_not_depend_on_company_or_threads) {
  const SampleOptions options{.max_new_tokens = 30, .end_id = 10, .draw = {.top_p = 0.9}, .seed = 7};
  Trainer one = small_trainer(), three = small_trainer(small_model(), {}, 1, 3);
  const std::vector<std::vector<int32_t>> prompts(17, {1, 2});
  const auto expected = sample(one, prompts, options, never);
  const auto sharded = sample(three, prompts, options, never);
  const auto alone = sample(one, {{1, 2}}, options, never);
  for (size_t i = 0; i < prompts.size(); i++) EXPECT(sharded[i].ids == expected[i].ids);
  EXPECT(alone[0].ids == expected[0].ids);
}

TEST(generate, stops_when_cancelled) {
  Trainer trainer = small_trainer();
  int asked = 0;
  SampleOptions options{.max_new_tokens = 1000, .end_id = 10, .draw = {.banned = {10}}};
  const auto samples = sample(trainer, {{1}}, options, [&] { return ++asked > 5; });
  EXPECT_EQ(samples[0].ids.size(), 5u);
}

TEST(generate, nothing_asked_nothing_drawn) {
  Trainer trainer = small_trainer();
  EXPECT(sample(trainer, {}, greedy(5), never).empty());
  EXPECT(sample(trainer, {{1}}, greedy(0), never)[0].ids.empty());
}

}  // namespace tangshi::test
