#include "train/trainer.h"

#include "fixture.h"
#include "train/cpu_train_step.h"

namespace tangshi::test {

TEST(trainer, learns_a_batch_by_heart) {
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn}) {
    Trainer trainer = small_trainer(small_model(cell), {.kind = OptimizerKind::adam});
    const double before = trainer.step(small_batch(), 0.05, 1).loss;
    for (int i = 0; i < 200; i++) trainer.step(small_batch(), 0.05, 1);
    const TotalNll after = trainer.evaluate(small_batch());
    EXPECT_EQ(after.tokens, 6);
    EXPECT(before > 1.5 && after.nll / after.tokens < 0.1);
  }
}

TEST(trainer, loss_without_weights_is_the_mean_over_real_targets) {
  Trainer trainer = small_trainer();
  const TotalNll total = trainer.evaluate(small_batch());
  const StepStats stats = trainer.step(small_batch(), 0, 1);
  EXPECT_EQ(stats.tokens, 6);
  EXPECT(std::abs(stats.loss - total.nll / 6) < 1e-6);
}

TEST(trainer, what_stands_in_padding_does_not_matter) {
  Trainer a = small_trainer(), b = small_trainer();
  Batch other = small_batch();
  other.inputs[6] = 8;
  other.inputs[7] = 3;
  a.step(small_batch(), 0.01, 1);
  b.step(other, 0.01, 1);
  EXPECT(a.parameters().values.equal(b.parameters().values));
}

TEST(trainer, same_seed_and_threads_same_bytes) {
  ModelConfig config = small_model();
  config.dropout = 0.3;
  for (const int threads : {1, 2}) {
    Trainer a = small_trainer(config, {}, 1, threads), b = small_trainer(config, {}, 1, threads);
    for (int i = 0; i < 10; i++) {
      a.step(small_batch(), 0.01, 1);
      b.step(small_batch(), 0.01, 1);
    }
    EXPECT(a.parameters().values.equal(b.parameters().values));
  }
}

TEST(trainer, more_threads_than_rows_do_no_harm) {
  Trainer one = small_trainer(), five = small_trainer(small_model(), {}, 1, 5);
  EXPECT(one.parameters().values.equal(five.parameters().values));
  for (int i = 0; i < 5; i++) {
    const StepStats a = one.step(small_batch(), 0.001, 1), b = five.step(small_batch(), 0.001, 1);
    EXPECT(std::abs(a.loss - b.loss) < 1e-5 && std::abs(a.grad_norm - b.grad_norm) < 1e-5);
  }
  EXPECT_CLOSE(five.parameters().values, one.parameters().values, 1e-4);
  EXPECT(std::abs(one.evaluate(small_batch()).nll - five.evaluate(small_batch()).nll) < 1e-4);
}

TEST(trainer, tied_weights_get_the_gradient_of_both_uses) {
  ModelConfig config = small_model();
  config.embed_dim = config.hidden_dim;
  config.tie_weights = true;
  Trainer trainer = small_trainer(config);
  const auto loss = [&] { return trainer.evaluate(small_batch()).nll / 6; };
  CpuTrainStep steps(config, trainer.parameters(), trainer.optimizer(), trainer.generator(), trainer.pool());
  steps.step(small_batch(), 0, INFINITY);
  const at::Tensor grads = trainer.parameters().slices[0].of(steps.gradients()).clone();
  at::Tensor weight = trainer.parameters().slices[0].of(trainer.parameters().values);
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

TEST(trainer, evaluation_changes_nothing) {
  ModelConfig config = small_model();
  config.dropout = 0.3;
  Trainer trainer = small_trainer(config);
  const at::Tensor before = trainer.parameters().values.clone();
  const at::Tensor generator = trainer.generator().get_state().clone();
  trainer.evaluate(small_batch());
  EXPECT(trainer.parameters().values.equal(before));
  EXPECT(trainer.generator().get_state().equal(generator));
}

}  // namespace tangshi::test
