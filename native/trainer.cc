#include "trainer.h"

#include <algorithm>
#include <chrono>

namespace tangshi {
namespace {

// A batch on the model's device, positions in time-major order: p = t x rows + r.
struct Positions {
  at::Tensor inputs;   // [time, rows] int64
  at::Tensor targets;  // [time x rows] int64, 0 for padding
  at::Tensor weights;  // [time x rows], 0 for padding
};

// `row_weight(r)` is the weight of each real target of row r.
template <typename RowWeight>
Positions to_positions(const Batch& batch, const at::Device& device, RowWeight row_weight) {
  at::Tensor inputs = at::empty({batch.time, batch.rows}, at::kLong);
  at::Tensor targets = at::zeros({batch.time * batch.rows}, at::kLong);
  at::Tensor weights = at::zeros({batch.time * batch.rows}, at::kFloat);
  int64_t* input = inputs.mutable_data_ptr<int64_t>();
  int64_t* target = targets.mutable_data_ptr<int64_t>();
  float* weight = weights.mutable_data_ptr<float>();
  for (int64_t r = 0; r < batch.rows; r++) {
    for (int64_t t = 0; t < batch.time; t++) {
      const int64_t from = r * batch.time + t, to = t * batch.rows + r;
      input[to] = batch.inputs[from];
      if (batch.targets[from] < 0) continue;
      target[to] = batch.targets[from];
      weight[to] = row_weight(r);
    }
  }
  return {inputs.to(device), targets.to(device), weights.to(device)};
}

}  // namespace

int64_t Batch::tokens() const {
  return std::count_if(targets.begin(), targets.end(), [](int32_t target) { return target >= 0; });
}

Trainer::Trainer(const ModelConfig& model, const OptimizerConfig& optimizer, const at::Device& device,
                 uint64_t seed)
    : generator_(at::make_generator<at::CPUGeneratorImpl>(seed)),
      model_(model, device, generator_),
      parameters_(flatten_parameters(*model_)),
      optimizer_(optimizer, parameters_) {}

OutputLayer Trainer::output_layer() const {
  return {model_->output_weight(), model_->output_bias(), model_->config().relu_logits};
}

StepStats Trainer::step(const Batch& batch, double lr, double clip_norm) {
  const auto start = std::chrono::steady_clock::now();
  const int64_t tokens = batch.tokens();
  const float mean = 1.0f / static_cast<float>(std::max<int64_t>(tokens, 1));
  const Positions positions = to_positions(
      batch, model_->device(), [&](int64_t r) { return batch.weights.empty() ? mean : batch.weights[r]; });

  parameters_.grads.zero_();
  HiddenState state = model_->zero_state(batch.rows);
  at::Tensor hidden = model_->forward(positions.inputs, state, generator_);  // [time, rows, hidden]
  const at::Tensor flat = hidden.detach().view({-1, hidden.size(2)});
  // The output layer's gradients go straight to their place; autograd carries on from the hidden outputs.
  OutputGrads grads{at::empty_like(flat), model_->output_weight().grad(), model_->output_bias().grad()};
  const double loss = loss_(output_layer(), flat, positions.targets, positions.weights, &grads);
  hidden.backward(grads.hidden.view_as(hidden));
  const double norm = optimizer_.clip_and_step(parameters_, lr, clip_norm);

  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
  return {loss, norm, tokens, elapsed.count()};
}

TotalNll Trainer::evaluate(const Batch& batch) {
  at::NoGradGuard no_grad;
  const Positions positions = to_positions(batch, model_->device(), [](int64_t) { return 1.0f; });
  HiddenState state = model_->zero_state(batch.rows);
  const at::Tensor hidden = model_->forward(positions.inputs, state, std::nullopt);
  const at::Tensor flat = hidden.view({-1, hidden.size(2)});
  return {loss_(output_layer(), flat, positions.targets, positions.weights, nullptr), batch.tokens()};
}

}  // namespace tangshi
