// Sampling by tensors, here on the CPU, against the network.
#include "cuda/cuda_sampler.h"

#include "fixture.h"

namespace tangshi::test {
namespace {

const auto never = [] { return false; };

// Prompts of different lengths: those with longer ones begin to draw later.
const std::vector<std::vector<int32_t>> prompts = {{1}, {2, 3, 4}, {5, 6}, {7}, {8, 1, 2, 3, 4, 5}};

std::vector<Sample> by_tensors(Trainer& trainer, const SampleOptions& options) {
  return sample_by_tensors(*model_of(trainer), Precision::fp32, prompts, options, never);
}

void expect_same(const std::vector<Sample>& samples, const std::vector<Sample>& expected) {
  EXPECT_EQ(samples.size(), expected.size());
  for (size_t i = 0; i < samples.size(); i++) {
    EXPECT(samples[i].ids == expected[i].ids);
    EXPECT_EQ(samples[i].ended, expected[i].ended);
  }
}

}  // namespace

TEST(cuda_sampler, draws_what_the_network_draws) {
  const std::vector<DrawOptions> draws = {{.temperature = 0},
                                          {},
                                          {.temperature = 0.7, .banned = {0, 3}},
                                          {.top_k = 3},
                                          {.top_k = 100},
                                          {.top_p = 0.6},
                                          {.top_p = 0},
                                          {.temperature = 2, .top_k = 6, .top_p = 0.8, .banned = {10}}};
  for (const Cell cell : {Cell::lstm, Cell::gru}) {
    Trainer trainer = small_trainer(small_model(cell));
    for (const DrawOptions& draw : draws) {
      for (const int64_t length : {1, 16, 50}) {
        const SampleOptions options{.max_new_tokens = length, .end_id = 10, .draw = draw, .seed = 5};
        expect_same(by_tensors(trainer, options), sample(trainer, prompts, options, never));
      }
    }
  }
}

TEST(cuda_sampler, logits_that_are_no_numbers_give_an_id_that_may_be_drawn) {
  Trainer trainer = small_trainer();
  const SampleOptions options{.max_new_tokens = 5, .end_id = 10, .draw = {.banned = {0, 1, 10}}};
  for (const float bias : {NAN, INFINITY, -INFINITY}) {
    model_of(trainer)->output_bias().detach().fill_(bias);
    for (const Sample& sample : by_tensors(trainer, options)) {
      EXPECT_EQ(sample.ids.size(), 5u);
      for (const int32_t id : sample.ids) EXPECT(id >= 2 && id < 10);
    }
  }
}

TEST(cuda_sampler, stops_when_cancelled) {
  Trainer trainer = small_trainer();
  int asked = 0;
  const SampleOptions options{.max_new_tokens = 1 << 30, .end_id = 10, .draw = {.banned = {10}}};
  const auto samples =
      sample_by_tensors(*model_of(trainer), Precision::fp32, prompts, options, [&] { return ++asked > 2; });
  EXPECT(!samples[0].ids.empty() && samples[0].ids.size() < 100);
}

}  // namespace tangshi::test
