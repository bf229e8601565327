// Decoding by the kernels against the same network by tensor operations.
#include "sample/network.h"

#include "fixture.h"

namespace tangshi::test {
namespace {

// The largest difference of any logit while two rows of ids go through both.
double difference(const ModelConfig& config) {
  at::NoGradGuard no_grad;
  Trainer trainer = small_trainer(config);
  const Model owned = model_of(trainer);
  const ModelImpl& model = *owned;
  HiddenState tensors = model.zero_state(2);
  SpinPool alone(0);
  const Network network(model);
  Network::State state(network, 2, alone);
  double largest = 0;
  for (int32_t t = 0; t < 30; t++) {
    const std::vector<int32_t> ids = {t % 11, (t * 7 + 3) % 11};
    const at::Tensor input = at::tensor(at::ArrayRef<int32_t>(ids), at::kLong).unsqueeze(0);
    const at::Tensor expected = model.logits(model.forward(input, tensors, std::nullopt)[0]);
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

TEST(network, logits_are_the_models) {
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn}) {
    EXPECT(difference(small_model(cell)) < 2e-6);
    ModelConfig classic = small_model(cell);
    classic.relu_logits = true;
    EXPECT(difference(classic) < 2e-6);
  }
}

TEST(network, half_precision_of_large_networks_drifts_little) {
  ModelConfig large = small_model();
  large.hidden_dim = 512;
  EXPECT(difference(large) < 5e-3);
}

TEST(network, sees_the_weights_as_they_are) {
  Trainer trainer = small_trainer();
  const auto first_logit = [&] {
    SpinPool alone(0);
    const Network network(*model_of(trainer));
    Network::State state(network, 1, alone);
    state.advance(std::vector<int32_t>{1});
    state.predict();
    return state.logits(0)[0];
  };
  const float before = first_logit();
  trainer.step(small_batch(), 0.01, 1);
  EXPECT(first_logit() != before);
}

}  // namespace tangshi::test
