#include "train/cpu_train_step.h"

#include <ATen/record_function.h>

#include <atomic>

#include "fixture.h"

namespace tangshi::test {
namespace {

// The parts of a trainer, with a training step whose gradients can be read.
struct Steps {
  explicit Steps(const ModelConfig& config, int threads = 1)
      : trainer(small_trainer(config, {}, 1, threads)),
        cpu(config, trainer.parameters(), trainer.optimizer(), trainer.generator(), trainer.pool()) {}

  Trainer trainer;
  CpuTrainStep cpu;
};

ModelConfig tied_model() {
  ModelConfig config = small_model();
  config.embed_dim = config.hidden_dim;
  config.tie_weights = true;
  return config;
}

// The hidden outputs at real targets, and all gradients. Other positions get an output gradient of 0.
std::vector<at::Tensor> outputs_and_gradients(const ModelConfig& config, const Parameters& parameters,
                                              LayerFunction run_layer, const PackedBatch& packed) {
  const at::Tensor grads = allocate_gradients(parameters);
  const Model model(config, parameters, grads, run_layer);
  const at::Tensor hidden = hidden_outputs(*model, packed.inputs, std::nullopt, packed.batch_sizes);
  const at::Tensor real = hidden.index_select(0, packed.target_index);
  real.backward(at::randn(real.sizes(), at::make_generator<at::CPUGeneratorImpl>(3)));
  return {real.detach(), grads};
}

std::atomic<int> most_threads, calls;

std::unique_ptr<at::ObserverContext> count_threads(const at::RecordFunction& call) {
  if (call.name() == std::string("aten::embedding")) {
    most_threads = std::max(most_threads.load(), at::get_num_threads());
    calls++;
  }
  return nullptr;
}

}  // namespace

TEST(cpu_train_step, kernels_match_the_model_on_ragged_batches) {
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn}) {
    const ModelConfig config = small_model(cell);
    Trainer trainer = small_trainer(config);
    for (const int count : {1, 3}) {
      for (int share = 0; share < count; share++) {
        const Batch batch = many_rows();
        const PackedBatch packed =
            pack(batch, sorted_indices(batch), share, count, std::vector<float>(batch.rows, 1.0f));
        EXPECT(packed.inputs.size(1) >= 8);
        EXPECT(packed.batch_sizes.back() < packed.batch_sizes.front());
        const auto expected = outputs_and_gradients(config, trainer.parameters(), torch_layer, packed);
        const auto actual = outputs_and_gradients(config, trainer.parameters(), cpu_layer, packed);
        for (size_t i = 0; i < expected.size(); i++) EXPECT_CLOSE(actual[i], expected[i], 2e-6);
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

TEST(cpu_train_step, the_number_of_threads_changes_gradients_only_by_rounding) {
  for (const Batch& batch : {small_batch(), many_rows()}) {
    Steps one(small_model(), 1), five(small_model(), 5);
    one.cpu.step(batch, 0, INFINITY);
    five.cpu.step(batch, 0, INFINITY);
    EXPECT_CLOSE(five.cpu.gradients(), one.cpu.gradients(), 1e-6, 1e-7);
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

TEST(cpu_train_step, operators_are_single_threaded_during_a_step_only) {
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  Steps steps(small_model(Cell::gru), 3);
  most_threads = calls = 0;
  const auto callback = at::addGlobalCallback(at::RecordFunctionCallback(count_threads));
  for (int i = 0; i < 2; i++) steps.cpu.step(many_rows(), 0.01, 1);
  at::removeCallback(callback);
  EXPECT_EQ(calls.load(), 6);
  EXPECT_EQ(most_threads.load(), 1);
  EXPECT_EQ(at::get_num_threads(), 2);
  at::set_num_threads(before);
}

}  // namespace tangshi::test
