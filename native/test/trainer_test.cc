#include "train/trainer.h"

#include "fixture.h"

namespace tangshi::test {
namespace {

const std::vector<int> thread_counts = {1, 3};

ModelConfig with_dropout(double dropout) {
  ModelConfig config = small_model();
  config.dropout = dropout;
  return config;
}

bool same_weights(Trainer& a, Trainer& b) { return a.parameters().values.equal(b.parameters().values); }

}  // namespace

TEST(trainer, memorizes_a_batch) {
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn}) {
    Trainer trainer = small_trainer(small_model(cell), {.kind = OptimizerKind::adam});
    const double before = trainer.step(small_batch(), 0.05, 1).loss;
    for (int i = 0; i < 200; i++) trainer.step(small_batch(), 0.05, 1);
    const TotalNll after = trainer.evaluate(small_batch());
    EXPECT_EQ(after.tokens, 6);
    EXPECT(before > 1.5 && after.nll / after.tokens < 0.1);
  }
}

TEST(trainer, learns_many_rows_on_any_number_of_threads) {
  for (const int threads : thread_counts) {
    Trainer trainer = small_trainer(small_model(), {.kind = OptimizerKind::adam}, 1, threads);
    const TotalNll before = trainer.evaluate(many_rows());
    for (int i = 0; i < 100; i++) trainer.step(many_rows(), 0.05, 1);
    EXPECT(trainer.evaluate(many_rows()).nll < 0.7 * before.nll);
  }
}

TEST(trainer, loss_without_weights_is_the_mean_over_real_targets) {
  for (const int threads : thread_counts) {
    for (const Batch& batch : {small_batch(), many_rows()}) {
      Trainer trainer = small_trainer(small_model(), {}, 1, threads);
      const TotalNll total = trainer.evaluate(batch);
      const StepStats stats = trainer.step(batch, 0, 1);
      EXPECT(stats.tokens == batch.tokens() && total.tokens == batch.tokens());
      EXPECT(std::abs(stats.loss - total.nll / total.tokens) < 1e-6);
    }
  }
}

TEST(trainer, the_content_of_padding_does_not_matter) {
  for (const int threads : thread_counts) {
    for (const Batch& batch : {small_batch(), many_rows()}) {
      Trainer a = small_trainer(small_model(), {}, 1, threads),
              b = small_trainer(small_model(), {}, 1, threads);
      Batch other = batch;
      for (int64_t row = 0; row < batch.rows; row++) {
        const auto begin = other.targets.begin() + row * batch.time;
        for (int64_t t = batch.time - 1; t >= 0 && begin[t] < 0; t--) other.inputs[row * batch.time + t] = 8;
      }
      EXPECT(other.inputs != batch.inputs);
      a.step(batch, 0.01, 1);
      b.step(other, 0.01, 1);
      EXPECT(same_weights(a, b));
    }
  }
}

TEST(trainer, the_same_seed_gives_identical_bytes) {
  for (const int threads : thread_counts) {
    const auto trained = [&](uint64_t seed) {
      auto trainer = std::make_unique<Trainer>(with_dropout(0.3), OptimizerConfig(), at::kCPU, seed, threads);
      for (int i = 0; i < 10; i++) trainer->step(i % 3 == 0 ? small_batch() : many_rows(i), 0.01, 1);
      return trainer;
    };
    EXPECT(same_weights(*trained(1), *trained(1)));
    EXPECT(!same_weights(*trained(1), *trained(2)));
  }
}

TEST(trainer, the_number_of_threads_changes_nothing) {
  for (const Batch& batch : {small_batch(), many_rows()}) {
    Trainer one = small_trainer(), five = small_trainer(small_model(), {}, 1, 5);
    for (int i = 0; i < 5; i++) {
      const StepStats a = one.step(batch, 0.001, 1), b = five.step(batch, 0.001, 1);
      EXPECT(a.loss == b.loss && a.grad_norm == b.grad_norm);
    }
    EXPECT(same_weights(one, five));
    EXPECT_EQ(one.evaluate(batch).nll, five.evaluate(batch).nll);
  }
}

TEST(trainer, dropout_affects_training_losses_but_not_evaluation) {
  for (const int threads : thread_counts) {
    Trainer trainer = small_trainer(with_dropout(0.5), {}, 1, threads);
    const double first = trainer.step(many_rows(), 0, 1).loss, second = trainer.step(many_rows(), 0, 1).loss;
    EXPECT(first != second);
    EXPECT_EQ(trainer.evaluate(many_rows()).nll, trainer.evaluate(many_rows()).nll);
  }
}

TEST(trainer, evaluation_changes_nothing) {
  Trainer trainer = small_trainer(with_dropout(0.3));
  const at::Tensor before = trainer.parameters().values.clone();
  const at::Tensor generator = trainer.generator().get_state().clone();
  trainer.evaluate(small_batch());
  EXPECT(trainer.parameters().values.equal(before));
  EXPECT(trainer.generator().get_state().equal(generator));
}

TEST(trainer, returns_the_completed_steps_when_canceled) {
  Trainer trainer = small_trainer();
  int asked = 0;
  const std::vector<Batch> batches(5, small_batch());
  EXPECT_EQ(trainer.train(batches, std::vector<double>(5, 0.01), 1, [&] { return ++asked > 3; }).size(), 3u);
  EXPECT_EQ(trainer.train(batches, std::vector<double>(5, 0.01), 1, [] { return false; }).size(), 5u);
}

TEST(trainer, discards_the_stats_of_steps_before_one_that_fails) {
  Trainer trainer = small_trainer();
  int asked = 0;
  const auto fails = [&]() -> bool {
    if (++asked > 2) throw std::runtime_error("no");
    return false;
  };
  const std::vector<Batch> batches(5, small_batch());
  EXPECT_THROWS(trainer.train(batches, std::vector<double>(5, 0.01), 1, fails), std::runtime_error);
  EXPECT_EQ(trainer.train({small_batch()}, {0.01}, 1, [] { return false; }).size(), 1u);
}

}  // namespace tangshi::test
