#include "step_queue.h"

#include <algorithm>
#include <mutex>

#include "loss.h"

namespace tangshi {
namespace {

// A batch on the device, time-major: position p = t x rows + r.
struct Uploaded {
  at::Tensor inputs;            // [time, rows]
  at::Tensor targets, weights;  // [time x rows], 0 for padding
};

Uploaded upload(const Batch& batch, const std::vector<float>& row_weights, const at::Device& device) {
  // Copies from pinned memory go on by themselves; it is freed when they are done.
  const auto staging = [&](at::IntArrayRef sizes, at::ScalarType type) {
    return at::empty(sizes, at::TensorOptions(type).pinned_memory(device.is_cuda()));
  };
  at::Tensor ids = staging({2, batch.time, batch.rows}, at::kLong);
  at::Tensor weights = staging({batch.time * batch.rows}, at::kFloat);
  int64_t* input = ids.mutable_data_ptr<int64_t>();
  int64_t* target = input + batch.time * batch.rows;
  float* weight = weights.mutable_data_ptr<float>();
  for (int64_t t = 0; t < batch.time; t++) {
    for (int64_t r = 0; r < batch.rows; r++) {
      const int64_t from = r * batch.time + t;
      const bool real = batch.targets[from] >= 0;
      *input++ = batch.inputs[from];
      *target++ = real ? batch.targets[from] : 0;
      *weight++ = real ? row_weights[r] : 0;
    }
  }
  ids = ids.to(device, /*non_blocking=*/true);
  weights = weights.to(device, /*non_blocking=*/true);
  return {ids[0], ids[1].view(-1), weights};
}

// A device draws by its own generator, of which there is one for all: whoever draws seeds it first and holds
// the lock while work is queued.
std::mutex drawing;

at::Generator seeded_generator(const at::Device& device, uint64_t seed) {
  if (device.is_cpu()) return at::make_generator<at::CPUGeneratorImpl>(seed);
  at::Generator generator = at::globalContext().defaultGenerator(device);
  generator.set_current_seed(seed);
  return generator;
}

}  // namespace

void StepQueue::train(const Batch& batch, double lr, double clip_norm) {
  if (queued_.empty()) begun_ = std::chrono::steady_clock::now();
  const int64_t tokens = batch.tokens();
  const std::vector<float> weights =
      batch.weights.empty()
          ? std::vector<float>(batch.rows, 1.0f / static_cast<float>(std::max<int64_t>(tokens, 1)))
          : batch.weights;
  const Uploaded up = upload(batch, weights, model_.device());
  parameters_.grads[0].zero_();
  at::Tensor loss;
  {
    const std::lock_guard lock(drawing);
    std::optional<at::Generator> dropout;
    if (model_.config().dropout > 0) {
      dropout = seeded_generator(model_.device(), generator_.get<at::CPUGeneratorImpl>()->random64());
    }
    const at::Tensor hidden = outputs(model_, up.inputs, dropout), flat = hidden.detach();
    OutputGrads grads{at::empty_like(flat), model_.output_weight().grad(), model_.output_bias().grad()};
    loss = loss_by_tensors(output_layer(model_), {flat, up.targets, up.weights}, &grads);
    hidden.backward(grads.hidden);
  }
  const at::Tensor rate = at::full({}, lr, parameters_.values.options());
  queued_.push_back({loss, optimizer_.clip_and_step(parameters_, rate, clip_norm), tokens});
}

std::vector<StepStats> StepQueue::results() {
  if (queued_.empty()) return {};
  std::vector<at::Tensor> numbers;
  for (const Queued& step : queued_) {
    numbers.push_back(step.loss);
    numbers.push_back(step.grad_norm.to(at::kDouble));
  }
  const at::Tensor read = at::stack(numbers).cpu();  // waits
  const double* number = read.const_data_ptr<double>();
  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - begun_;
  std::vector<StepStats> stats;
  for (size_t i = 0; i < queued_.size(); i++) {
    stats.push_back({number[2 * i], number[2 * i + 1], queued_[i].tokens, elapsed.count() / queued_.size()});
  }
  queued_.clear();
  return stats;
}

void StepQueue::forget() { queued_.clear(); }

TotalNll StepQueue::evaluate(const Batch& batch) {
  at::NoGradGuard no_grad;
  const Uploaded up = upload(batch, std::vector<float>(batch.rows, 1.0f), model_.device());
  const at::Tensor hidden = outputs(model_, up.inputs, std::nullopt);
  const at::Tensor nll = loss_by_tensors(output_layer(model_), {hidden, up.targets, up.weights}, nullptr);
  return {nll.item<double>(), batch.tokens()};
}

}  // namespace tangshi
