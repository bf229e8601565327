// Queued steps, here on the CPU, against those by kernels.
#include "step_queue.h"

#include "fixture.h"

namespace tangshi::test {
namespace {

// A trainer whose parts a queue works on.
struct Queue {
  explicit Queue(const ModelConfig& model, const OptimizerConfig& optimizer = {})
      : trainer(small_trainer(model, optimizer)),
        steps(*trainer.model(), trainer.parameters(), trainer.optimizer(), trainer.generator()) {}

  Trainer trainer;
  StepQueue steps;
};

Batch weighted_batch() {
  Batch batch = small_batch();
  batch.weights = {0.1f, 0.4f};
  return batch;
}

}  // namespace

TEST(step_queue, gives_the_losses_and_weights_of_steps_by_kernels) {
  ModelConfig classic = small_model();
  classic.relu_logits = true;
  ModelConfig tied = small_model(Cell::gru);
  tied.embed_dim = tied.hidden_dim;
  tied.tie_weights = true;
  for (const ModelConfig& model : {small_model(), small_model(Cell::rnn), classic, tied}) {
    for (const OptimizerKind kind : {OptimizerKind::rmsprop, OptimizerKind::adamw}) {
      const OptimizerConfig optimizer = {.kind = kind};
      Trainer expected = small_trainer(model, optimizer);
      Queue queue(model, optimizer);
      std::vector<StepStats> losses;
      for (int i = 0; i < 20; i++) {
        const Batch batch = i % 2 == 0 ? small_batch() : weighted_batch();
        losses.push_back(expected.step(batch, 0.001 * i, 0.5));
        queue.steps.train(batch, 0.001 * i, 0.5);
      }
      const auto stats = queue.steps.results();
      EXPECT_EQ(stats.size(), losses.size());
      for (size_t i = 0; i < stats.size(); i++) {
        EXPECT(std::abs(stats[i].loss - losses[i].loss) < 1e-4);
        EXPECT(std::abs(stats[i].grad_norm - losses[i].grad_norm) < 1e-3);
        EXPECT_EQ(stats[i].tokens, losses[i].tokens);
      }
      EXPECT_EQ(queue.trainer.optimizer().step().item<int64_t>(), 20);
      const TotalNll nll = expected.evaluate(small_batch()), queued = queue.steps.evaluate(small_batch());
      EXPECT(std::abs(nll.nll - queued.nll) < 1e-3);
      EXPECT_EQ(nll.tokens, queued.tokens);
    }
  }
}

TEST(step_queue, dropout_follows_the_sessions_generator) {
  ModelConfig model = small_model();
  model.dropout = 0.5;
  const auto losses = [&](int drawn_before) {
    Queue queue(model);
    for (int i = 0; i < drawn_before; i++) queue.trainer.generator().get<at::CPUGeneratorImpl>()->random64();
    for (int i = 0; i < 3; i++) queue.steps.train(small_batch(), 0.01, 1);
    std::vector<double> all;
    for (const StepStats& stats : queue.steps.results()) all.push_back(stats.loss);
    return all;
  };
  EXPECT(losses(0) == losses(0));
  EXPECT(losses(0) != losses(1));
}

TEST(step_queue, results_are_given_once_and_forgotten_ones_never) {
  Queue queue(small_model());
  EXPECT_EQ(queue.steps.results().size(), 0u);
  queue.steps.train(small_batch(), 0.01, 1);
  EXPECT_EQ(queue.steps.results().size(), 1u);
  EXPECT_EQ(queue.steps.results().size(), 0u);
  queue.steps.train(small_batch(), 0.01, 1);
  queue.steps.forget();
  EXPECT_EQ(queue.steps.results().size(), 0u);
}

}  // namespace tangshi::test
