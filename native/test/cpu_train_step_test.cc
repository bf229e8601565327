#include "train/cpu_train_step.h"

#include <algorithm>

#include "fixture.h"
#include "precisions.h"

namespace tangshi::test {
namespace {

// The parts of a trainer, with a training step whose gradients can be read.
struct Steps {
  explicit Steps(const ModelConfig& config, int threads = 1, Precision precision = Precision::fp32)
      : trainer(small_trainer(config, {}, 1, threads)),
        cpu(config, trainer.parameters(), trainer.optimizer(), trainer.generator(), trainer.pool(),
            precision) {}

  Trainer trainer;
  CpuTrainStep cpu;
};

ModelConfig tied_model() {
  ModelConfig config = small_model();
  config.embed_dim = config.hidden_dim;
  config.tie_weights = true;
  return config;
}

// Gradients of the mean loss, with libtorch's operators and autograd.
at::Tensor reference_gradients(const ModelConfig& config, const Parameters& parameters, const Batch& batch) {
  const at::Tensor grads = allocate_gradients(parameters);
  const Model model(config, parameters, grads);
  const auto ids = [&](const std::vector<int32_t>& values) {
    return at::tensor(values).view({batch.rows, batch.time}).t().to(at::kLong).contiguous();
  };
  const at::Tensor targets = ids(batch.targets),
                   hidden = hidden_outputs(*model, ids(batch.inputs), std::nullopt);
  const at::Tensor log_probs = at::log_softmax(model->logits(hidden), 1);
  const at::Tensor nll = -log_probs.gather(1, targets.view({-1, 1}).clamp_min(0)).squeeze(1);
  (nll * targets.view(-1).ge(0)).sum().div(batch.tokens()).backward();
  return grads;
}

}  // namespace

TEST(cpu_train_step, gradients_match_the_model_on_ragged_batches) {
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn}) {
    for (const int threads : {1, 3}) {
      for (const Batch& batch : {small_batch(), many_rows()}) {
        Steps steps(small_model(cell), threads);
        steps.cpu.step(batch, 0, INFINITY);
        const auto expected = reference_gradients(small_model(cell), steps.trainer.parameters(), batch);
        EXPECT_CLOSE(steps.cpu.gradients(), expected, 2e-5, 2e-7);
      }
    }
  }
}

TEST(cpu_train_step, tied_weights_accumulate_the_gradients_of_both_uses) {
  for (const int threads : {1, 3}) {
    for (const Batch& batch : {small_batch(), many_rows()}) {
      Steps steps(tied_model(), threads);
      Parameters& parameters = steps.trainer.parameters();
      steps.cpu.step(batch, 0, INFINITY);
      const at::Tensor grads = parameters.slices[0].of(steps.cpu.gradients());
      at::Tensor weight = parameters.slices[0].of(parameters.values);
      const auto loss = [&] { return steps.cpu.evaluate(batch).nll / static_cast<double>(batch.tokens()); };
      for (const auto& [row, column] : {std::pair{2, 1}, {4, 0}, {10, 6}}) {
        constexpr float delta = 1e-2;
        at::Tensor element = weight[row][column];
        element.add_(delta);
        const double above = loss();
        element.sub_(2 * delta);
        const double below = loss();
        element.add_(delta);
        EXPECT(std::abs((above - below) / (2 * delta) - grads[row][column].item<double>()) < 2e-4);
      }
    }
  }
}

TEST(cpu_train_step, results_do_not_depend_on_the_number_of_threads) {
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn}) {
    // Several panels of units, several blocks of outputs, several chunks of parameters.
    const ModelConfig config{
        .cell = cell, .vocab_size = 700, .embed_dim = 30, .hidden_dim = 101, .layers = 2, .dropout = 0.3};
    for (const Precision precision : precisions())
      for (const int threads : {2, 5, 16, 64}) {
        Steps many(config, threads, precision), alone(config, 1, precision);
        for (int step = 0; step < 3; step++) {
          alone.cpu.step(many_rows(step), 0.01, 1);
          many.cpu.step(many_rows(step), 0.01, 1);
          const StepStats a = alone.cpu.results()[0], b = many.cpu.results()[0];
          EXPECT(a.loss == b.loss && a.grad_norm == b.grad_norm);
        }
        EXPECT(many.trainer.parameters().values.equal(alone.trainer.parameters().values));
        EXPECT_EQ(many.cpu.evaluate(many_rows()).nll, alone.cpu.evaluate(many_rows()).nll);
      }
  }
}

TEST(cpu_train_step, dropout_drops_and_scales_and_its_gradient_is_that_of_the_loss) {
  ModelConfig config = small_model();
  config.dropout = 0.5;
  const Batch batch = many_rows();
  Steps steps(config, 2);
  Parameters& parameters = steps.trainer.parameters();
  at::Generator& generator = steps.trainer.generator();
  const at::Tensor state = generator.get_state();
  const auto loss = [&] {  // with the same masks each time
    generator.set_state(state);
    steps.cpu.step(batch, 0, INFINITY);
    return steps.cpu.results()[0].loss;
  };
  const double dropped = loss();
  EXPECT(std::abs(dropped - steps.cpu.evaluate(batch).nll / batch.tokens()) > 1e-3);
  const at::Tensor grads = steps.cpu.gradients().clone();
  for (const ParameterSlice& slice : parameters.slices) {
    at::Tensor element = slice.of(parameters.values).view(-1)[3];
    constexpr float delta = 1e-2;
    element.add_(delta);
    const double above = loss();
    element.sub_(2 * delta);
    const double below = loss();
    element.add_(delta);
    EXPECT(std::abs((above - below) / (2 * delta) - slice.of(grads).view(-1)[3].item<double>()) < 3e-4);
  }
}

TEST(cpu_train_step, dropout_has_one_mask_for_all_time_steps_of_a_sequence) {
  ModelConfig config = small_model();
  config.hidden_dim = 64;
  config.dropout = 0.5;
  Steps steps(config, 2);
  // The output layer learns nothing from a hidden unit that is dropped at all time steps.
  const auto dropped = [&](const Batch& batch) {
    steps.cpu.step(batch, 0, INFINITY);
    const auto& slices = steps.trainer.parameters().slices;
    const auto weight = std::find_if(slices.begin(), slices.end(),
                                     [](const ParameterSlice& slice) { return slice.name == "fc.weight"; });
    return weight->of(steps.cpu.gradients()).eq(0).all(0).sum().item<int64_t>();
  };
  const Batch one{
      .inputs = {1, 2, 3, 4, 5, 6, 7, 8}, .targets = {2, 3, 4, 5, 6, 7, 8, 9}, .rows = 1, .time = 8};
  EXPECT(dropped(one) > 10);
  EXPECT_EQ(dropped(many_rows()), 0);  // each sequence has a mask of its own
}

// Both uses of tied weights, dropout, ragged batches.
TEST(cpu_train_step, gradients_in_bf16_differ_by_rounding) {
  if (!has_bf16()) return;
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn}) {
    for (const double dropout : {0.0, 0.3}) {
      const ModelConfig config{.cell = cell,
                               .vocab_size = 700,
                               .embed_dim = 101,
                               .hidden_dim = 101,
                               .layers = 2,
                               .dropout = dropout,
                               .tie_weights = true};
      Steps exact(config, 2), rounded(config, 2, Precision::bf16);
      for (const Batch& batch : {many_rows(), small_batch()}) {
        exact.cpu.step(batch, 0, INFINITY);
        rounded.cpu.step(batch, 0, INFINITY);
        EXPECT(close_in_norm(rounded.cpu.gradients(), exact.cpu.gradients(), 1e-2));
        EXPECT(!rounded.cpu.gradients().equal(exact.cpu.gradients()));
        EXPECT(std::abs(rounded.cpu.evaluate(batch).nll / exact.cpu.evaluate(batch).nll - 1) < 1e-3);
      }
    }
  }
}

TEST(cpu_train_step, a_batch_with_fewer_rows_leaves_no_stale_gradients) {
  Steps once(small_model(), 5), twice(small_model(), 5);
  twice.cpu.step(many_rows(), 0, INFINITY);
  once.cpu.step(small_batch(), 0, INFINITY);
  twice.cpu.step(small_batch(), 0, INFINITY);
  EXPECT(twice.cpu.gradients().equal(once.cpu.gradients()));
}

TEST(cpu_train_step, a_batch_of_padding_has_zero_loss_and_gradient) {
  Batch batch = small_batch();
  batch.targets.assign(batch.targets.size(), -1);
  Steps steps(small_model(), 3);
  steps.cpu.step(batch, 0.01, 1);
  const StepStats stats = steps.cpu.results()[0];
  EXPECT(stats.loss == 0 && stats.grad_norm == 0 && stats.tokens == 0);
}

}  // namespace tangshi::test
