// Decoding with the kernels against the same network with tensor operations.
#include "sample/network.h"

#include <cmath>

#include "fixture.h"
#include "inference_fixture.h"
#include "model/snapshot.h"

namespace tangshi::test {
namespace {

// The largest difference of any logit when two rows of ids go through both.
double difference(const ModelConfig& config) {
  at::NoGradGuard no_grad;
  Trainer trainer = small_trainer(config);
  const Model model = model_of(trainer);
  HiddenState tensors = model->zero_state(2);
  SpinPool alone(0);
  const Network network(config, model_weights(trainer.parameters()));
  Network::State state(network, 2, alone);
  double largest = 0;
  for (int32_t t = 0; t < 30; t++) {
    const std::vector<int32_t> ids = {t % 11, (t * 7 + 3) % 11};
    const at::Tensor input = at::tensor(at::ArrayRef<int32_t>(ids), at::kLong).unsqueeze(0);
    const at::Tensor expected = model->logits(model->forward(input, tensors, std::nullopt)[0]);
    state.advance(ids);
    state.predict();
    for (int64_t row = 0; row < 2; row++) {
      const auto logits = state.logits(row);
      for (size_t id = 0; id < logits.size(); id++) {
        largest = std::max(largest, std::abs(logits[id] - expected[row][id].item<double>()));
      }
    }
  }
  return largest;
}

}  // namespace

TEST(network, logits_match_the_model) {
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn}) {
    EXPECT(difference(small_model(cell)) < 2e-6);
    ModelConfig classic = small_model(cell);
    classic.relu_logits = true;
    EXPECT(difference(classic) < 2e-6);
    ModelConfig tied = small_model(cell);
    tied.embed_dim = tied.hidden_dim;
    tied.tie_weights = true;
    EXPECT(difference(tied) < 2e-6);
  }
}

TEST(network, half_precision_of_large_networks_is_accurate) {
  ModelConfig large = small_model();
  large.hidden_dim = 512;
  EXPECT(difference(large) < 5e-3);
}

TEST(network, reproduces_what_it_learned_and_stops_at_the_end) {
  const ModelConfig config = small_model();
  Trainer trainer = small_trainer(config, {.kind = OptimizerKind::adam});
  const Batch poem{.inputs = {1, 3, 5, 7, 9, 2}, .targets = {3, 5, 7, 9, 2, 10}, .rows = 1, .time = 6};
  for (int i = 0; i < 200; i++) trainer.step(poem, 0.02, 1);
  Writer writer(config, model_weights(trainer.parameters()));
  GenerateOptions options{.max_new_tokens = 50, .logits = {.end_id = 10}, .sampling = {.temperature = 0}};
  const auto samples = writer({{1}, {1, 3, 5}}, options);
  EXPECT(samples[0].ids == (std::vector<int32_t>{3, 5, 7, 9, 2}) && samples[0].ended);
  EXPECT(samples[1].ids == (std::vector<int32_t>{7, 9, 2}) && samples[1].ended);
  EXPECT(std::abs(samples[0].log_prob + trainer.evaluate(poem).nll) < 1e-4);
  options.beam = 5;
  const Sample searched = writer({{1}}, options)[0];
  EXPECT(searched.ids == samples[0].ids && searched.ended);
  options.beam = 0;
  options.max_new_tokens = 2;
  const Sample cut = writer({{1}}, options)[0];
  EXPECT(cut.ids == (std::vector<int32_t>{3, 5}) && !cut.ended);
}

}  // namespace tangshi::test
