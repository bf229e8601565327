// The GPU training step, run on the CPU, against the CPU training step.
#include "cuda/cuda_train_step.h"

#include "fixture.h"
#include "host_sync_guard.h"

namespace tangshi::test {
namespace {

// The parts of a trainer, with a GPU training step.
struct Steps {
  explicit Steps(const ModelConfig& model, const OptimizerConfig& optimizer = {},
                 Precision precision = Precision::fp32, std::unique_ptr<GraphMaker> graphs = nullptr)
      : trainer(small_trainer(model, optimizer)),
        cuda(model, trainer.parameters(), trainer.optimizer(), trainer.generator(), precision,
             std::move(graphs)) {}

  Trainer trainer;
  CudaTrainStep cuda;
};

// Stands in for CUDA graphs on a device without them: repeats the work on the same memory.
class RepeatedWork : public Graph {
 public:
  void capture(const std::function<void()>& work, const at::Generator&) override { work_ = work; }
  void replay() override { work_(); }

 private:
  std::function<void()> work_;
};

// Fails where a capture would.
class GuardedWork : public Graph {
 public:
  void capture(const std::function<void()>& work, const at::Generator&) override { work_ = work; }
  void replay() override {
    const HostSyncGuard guard;
    work_();
    for (const std::string& name : guard.refused()) fail(__FILE__, __LINE__, name, " cannot be captured");
  }

 private:
  std::function<void()> work_;
};

class RefusedWork : public Graph {
 public:
  void capture(const std::function<void()>&, const at::Generator&) override {
    TORCH_CHECK(false, "not here");
  }
  void replay() override { TORCH_CHECK(false, "there is nothing to replay"); }
};

template <typename Kind>
class Makes : public GraphMaker {
 public:
  explicit Makes(int& made) : made_(made) {}
  std::unique_ptr<Graph> make() override {
    made_++;
    return std::make_unique<Kind>();
  }

 private:
  int& made_;
};

Batch shorter_batch() { return {.inputs = {1, 2, 3}, .targets = {2, 3, 10}, .rows = 1, .time = 3}; }

std::vector<double> losses_of(const std::vector<StepStats>& all) {
  std::vector<double> losses;
  for (const StepStats& stats : all) losses.push_back(stats.loss);
  return losses;
}

// Six batches of two shapes, each with different weights.
std::vector<StepStats> six_steps(Steps& steps) {
  for (int i = 0; i < 6; i++) {
    Batch batch = i % 3 == 2 ? shorter_batch() : small_batch();
    if (i % 2 == 1) batch.weights.assign(batch.rows, 0.1f * static_cast<float>(i));
    steps.cuda.step(batch, 0.01 * i, 0.5 + i);
  }
  return steps.cuda.results();
}

Batch weighted_batch() {
  Batch batch = small_batch();
  batch.weights = {0.1f, 0.4f};
  return batch;
}

}  // namespace

TEST(cuda_train_step, matches_losses_and_weights_of_the_cpu_step) {
  ModelConfig classic = small_model();
  classic.relu_logits = true;
  ModelConfig tied = small_model(Cell::gru);
  tied.embed_dim = tied.hidden_dim;
  tied.tie_weights = true;
  for (const ModelConfig& model : {small_model(), small_model(Cell::rnn), classic, tied}) {
    for (const OptimizerKind kind : {OptimizerKind::rmsprop, OptimizerKind::adamw}) {
      const OptimizerConfig optimizer = {.kind = kind};
      Trainer expected = small_trainer(model, optimizer);
      Steps steps(model, optimizer);
      std::vector<StepStats> losses;
      for (int i = 0; i < 20; i++) {
        const Batch batch = i % 2 == 0 ? small_batch() : weighted_batch();
        losses.push_back(expected.step(batch, 0.001 * i, 0.5));
        steps.cuda.step(batch, 0.001 * i, 0.5);
      }
      const auto stats = steps.cuda.results();
      EXPECT_EQ(stats.size(), losses.size());
      for (size_t i = 0; i < stats.size(); i++) {
        EXPECT(std::abs(stats[i].loss - losses[i].loss) < 1e-4);
        EXPECT(std::abs(stats[i].grad_norm - losses[i].grad_norm) < 1e-3);
        EXPECT_EQ(stats[i].tokens, losses[i].tokens);
      }
      EXPECT_EQ(steps.trainer.optimizer().step().item<int64_t>(), 20);
      const TotalNll nll = expected.evaluate(small_batch()), by_tensors = steps.cuda.evaluate(small_batch());
      EXPECT(std::abs(nll.nll - by_tensors.nll) < 1e-3);
      EXPECT_EQ(nll.tokens, by_tensors.tokens);
    }
  }
}

TEST(cuda_train_step, dropout_follows_the_generator) {
  ModelConfig model = small_model();
  model.dropout = 0.5;
  const auto losses = [&](int drawn_before) {
    Steps steps(model);
    for (int i = 0; i < drawn_before; i++) steps.trainer.generator().get<at::CPUGeneratorImpl>()->random64();
    for (int i = 0; i < 3; i++) steps.cuda.step(small_batch(), 0.01, 1);
    return losses_of(steps.cuda.results());
  };
  EXPECT(losses(0) == losses(0));
  EXPECT(losses(0) != losses(1));
}

TEST(cuda_train_step, a_repeated_shape_is_captured_with_the_same_results) {
  ModelConfig model = small_model();
  model.dropout = 0.3;
  int made = 0;
  Steps direct(model), captured(model, {}, Precision::fp32, std::make_unique<Makes<RepeatedWork>>(made));
  const auto expected = six_steps(direct), stats = six_steps(captured);
  EXPECT(losses_of(stats) == losses_of(expected));
  EXPECT(captured.trainer.parameters().values.equal(direct.trainer.parameters().values));
  EXPECT_EQ(made, 2);
  const std::vector<bool> was_captured = {false, true, false, true, true, true};
  for (size_t i = 0; i < stats.size(); i++) {
    EXPECT_EQ(stats[i].captured, was_captured[i]);
    EXPECT(!expected[i].captured);
  }
}

TEST(cuda_train_step, neither_synchronizes_nor_copies_between_devices) {
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn}) {
    for (const bool classic : {false, true}) {
      ModelConfig model = small_model(cell);
      model.dropout = 0.3;
      model.relu_logits = model.tie_weights = classic;
      if (classic) model.embed_dim = model.hidden_dim;
      for (const OptimizerKind kind : {OptimizerKind::rmsprop, OptimizerKind::adam, OptimizerKind::adamw}) {
        for (const Precision precision :
             {Precision::fp32, Precision::tf32, Precision::bf16, Precision::fp16}) {
          int made = 0;
          Steps steps(model, {.kind = kind, .weight_decay = 0.01}, precision,
                      std::make_unique<Makes<GuardedWork>>(made));
          for (int i = 0; i < 2; i++) steps.cuda.step(small_batch(), 0.01, 1);
          EXPECT(steps.cuda.results()[1].captured);
        }
      }
    }
  }
}

TEST(cuda_train_step, without_capture_steps_run_uncaptured) {
  int made = 0;
  Steps direct(small_model()),
      refused(small_model(), {}, Precision::fp32, std::make_unique<Makes<RefusedWork>>(made));
  const auto expected = six_steps(direct), stats = six_steps(refused);
  EXPECT(losses_of(stats) == losses_of(expected));
  for (const StepStats& step : stats) EXPECT(!step.captured);
  EXPECT_EQ(made, 1);
}

TEST(cuda_train_step, learns_in_16_bits_as_in_32) {
  ModelConfig classic = small_model();
  classic.relu_logits = true;
  ModelConfig tied = small_model(Cell::gru);
  tied.embed_dim = tied.hidden_dim;
  tied.tie_weights = true;
  for (const ModelConfig& model : {small_model(), small_model(Cell::rnn), classic, tied}) {
    for (const Precision precision : {Precision::bf16, Precision::fp16}) {
      const auto train = [&](Precision precision) {
        Steps steps(model, {.kind = OptimizerKind::adamw}, precision);
        for (int i = 0; i < 40; i++) steps.cuda.step(small_batch(), 0.02, 1);
        return steps.cuda.results();
      };
      const auto expected = train(Precision::fp32), stats = train(precision);
      EXPECT(stats.back().loss < 0.7 * stats.front().loss);
      for (size_t i = 0; i < stats.size(); i++) {
        EXPECT(std::abs(stats[i].loss / expected[i].loss - 1) < 0.05);
        EXPECT(i > 0 || std::abs(stats[i].grad_norm / expected[i].grad_norm - 1) < 0.02);
      }
    }
  }
}

TEST(cuda_train_step, small_gradients_do_not_underflow_in_16_bits) {
  // A mean over so many characters that the gradient of each is too small for 16 bits.
  Batch batch = small_batch();
  batch.weights = {1e-6f, 1e-6f};
  const auto norm = [&](Precision precision) {
    Steps steps(small_model(), {}, precision);
    steps.cuda.step(batch, 0.01, 1);
    return steps.cuda.results()[0].grad_norm;
  };
  EXPECT(std::abs(norm(Precision::fp16) / norm(Precision::fp32) - 1) < 0.05);
}

TEST(cuda_train_step, results_are_returned_once_and_discarded_ones_never) {
  Steps steps(small_model());
  EXPECT_EQ(steps.cuda.results().size(), 0u);
  steps.cuda.step(small_batch(), 0.01, 1);
  EXPECT_EQ(steps.cuda.results().size(), 1u);
  EXPECT_EQ(steps.cuda.results().size(), 0u);
  steps.cuda.step(small_batch(), 0.01, 1);
  steps.cuda.discard();
  EXPECT_EQ(steps.cuda.results().size(), 0u);
}

}  // namespace tangshi::test
