#include "train/output_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/kernels.h"
#include "train/batch_minor.h"

namespace tangshi {
namespace {

// Sizes chosen so that the working set stays in the caches of a core: a chunk is 8 groups of 64 positions, in
// batch-minor layout within a group, and its logits are computed in blocks of 128 outputs.
constexpr int64_t group_size = 64, chunk_size = 8 * group_size, block_size = 128;

// The output layer for one chunk, with the kernels.
struct Chunk {
  const Kernels& k;
  const OutputLayer& layer;
  const LossInput& input;
  const int64_t positions, groups, features, vocab;
  float* const logits;     // [blocks of the vocabulary, groups, block, group]
  float* const hidden_t;   // [groups, features, group]: hidden, then its gradient
  float* const max_logit;  // [groups, group]: the largest logit of each position
  float* const log_sum;    // [groups, group]: log of the sum of exp(logit)
  float* const weights;    // [groups, group], 0 beyond the positions

  double forward();
  void backward(OutputGrads& grads);

  // Calls body(first output, number of outputs, logits of the block).
  template <typename Body>
  void each_block(Body body) const {
    for (int64_t first = 0; first < vocab; first += block_size) {
      body(first, std::min(block_size, vocab - first), logits + first * groups * group_size);
    }
  }

  // Calls body(group, its first position, number of positions).
  template <typename Body>
  void each_group(Body body) const {
    for (int64_t g = 0; g < groups; g++)
      body(g, g * group_size, std::min(group_size, positions - g * group_size));
  }

  float& in_block(float* block, int64_t output, int64_t p) const {
    return block[(p / group_size * block_size + output) * group_size + p % group_size];
  }
  float target_logit(int64_t p) const {
    const int64_t first = target(p) / block_size * block_size;
    return in_block(logits + first * groups * group_size, target(p) - first, p);
  }
  int64_t target(int64_t p) const { return input.targets.const_data_ptr<int64_t>()[p]; }
  const float* weight_of(int64_t output) const {
    return layer.weight.const_data_ptr<float>() + output * features;
  }
};

double Chunk::forward() {
  const int64_t all = groups * group_size;
  std::fill_n(weights, all, 0.0f);
  std::copy_n(input.weights.const_data_ptr<float>(), positions, weights);
  std::fill_n(max_logit, all, -std::numeric_limits<float>::infinity());
  std::fill_n(log_sum, all, 0.0f);
  std::fill_n(hidden_t, all * features, 0.0f);
  each_group([&](int64_t g, int64_t first, int64_t count) {
    k.transpose(input.hidden.const_data_ptr<float>() + first * features, features, count, features,
                hidden_t + g * features * group_size, group_size);
  });
  each_block([&](int64_t first, int64_t outputs, float* block) {
    for (int64_t g = 0; g < groups; g++) {
      float* part = block + g * block_size * group_size;
      k.multiply({.x = {weight_of(first), features, 1},
                  .w = {hidden_t + g * features * group_size, group_size},
                  .rows = outputs,
                  .columns = group_size,
                  .count = features,
                  .start = layer.bias.const_data_ptr<float>() + first,
                  .out = part,
                  .out_stride = group_size});
      if (layer.relu_logits) k.relu(part, outputs * group_size);
      k.track_softmax(part, outputs, group_size, max_logit + g * group_size, log_sum + g * group_size);
    }
  });
  double loss = 0;
  for (int64_t p = 0; p < all; p++) {
    const double logarithm = max_logit[p] + std::log(static_cast<double>(log_sum[p]));
    log_sum[p] = static_cast<float>(logarithm);
    if (p < positions) loss += weights[p] * (logarithm - target_logit(p));
  }
  return loss;
}

void Chunk::backward(OutputGrads& grads) {
  std::vector<bool> cut(positions);  // cut off by ReLU at the target: no gradient
  for (int64_t p = 0; p < positions; p++) cut[p] = layer.relu_logits && !(target_logit(p) > 0);
  std::fill_n(hidden_t, groups * features * group_size, 0.0f);
  const at::Tensor hidden = padded(input.hidden, group_size);
  each_block([&](int64_t first, int64_t outputs, float* block) {
    float* bias_grad = grads.bias.mutable_data_ptr<float>() + first;
    for (int64_t g = 0; g < groups; g++) {
      float* part = block + g * block_size * group_size;  // from here on, the gradient
      k.softmax(part, outputs, group_size, log_sum + g * group_size, weights + g * group_size,
                layer.relu_logits);
    }
    for (int64_t p = 0; p < positions; p++) {
      const int64_t output = target(p) - first;
      if (output >= 0 && output < outputs && !cut[p]) in_block(block, output, p) -= weights[p];
    }
    for (int64_t g = 0; g < groups; g++) {
      const float* part = block + g * block_size * group_size;
      k.add_row_sums(part, group_size, outputs, group_size, bias_grad);
      k.multiply({.x = {weight_of(first), 1, features},
                  .w = {part, group_size},
                  .rows = features,
                  .columns = group_size,
                  .count = outputs,
                  .start = nullptr,
                  .out = hidden_t + g * features * group_size,
                  .out_stride = group_size});
    }
    k.multiply({.x = {block, group_size, 1, block_size * group_size},
                .w = {hidden.const_data_ptr<float>(), hidden.size(1), group_size * hidden.size(1)},
                .rows = outputs,
                .columns = features,
                .count = group_size,
                .blocks = groups,
                .start = nullptr,
                .out = grads.weight.mutable_data_ptr<float>() + first * features,
                .out_stride = features});
  });
  each_group([&](int64_t g, int64_t first, int64_t count) {
    k.transpose(hidden_t + g * features * group_size, group_size, features, count,
                grads.hidden.mutable_data_ptr<float>() + first * features, features);
  });
}

}  // namespace

LossInput LossInput::narrow(int64_t begin, int64_t count) const {
  return {hidden.narrow(0, begin, count), targets.narrow(0, begin, count), weights.narrow(0, begin, count)};
}

OutputGrads OutputGrads::narrow(int64_t begin, int64_t count) const {
  return {hidden.narrow(0, begin, count), weight, bias};
}

double OutputLoss::operator()(const OutputLayer& layer, const LossInput& input, OutputGrads* grads) {
  at::NoGradGuard no_grad;
  double loss = 0;
  for (int64_t begin = 0; begin < input.hidden.size(0); begin += chunk_size) {
    const int64_t count = std::min(chunk_size, input.hidden.size(0) - begin);
    std::optional<OutputGrads> part;
    if (grads != nullptr) part = grads->narrow(begin, count);
    loss += chunk(layer, input.narrow(begin, count), part ? &*part : nullptr);
  }
  return loss;
}

double OutputLoss::chunk(const OutputLayer& layer, const LossInput& input, OutputGrads* grads) {
  const int64_t positions = input.hidden.size(0), features = input.hidden.size(1);
  const int64_t vocab = layer.weight.size(0), groups = (positions + group_size - 1) / group_size;
  const int64_t blocks = (vocab + block_size - 1) / block_size, all = groups * group_size;
  float* const statistics = reserve(statistics_, 3 * all);
  Chunk chunk{kernels(),
              layer,
              input,
              positions,
              groups,
              features,
              vocab,
              reserve(logits_, blocks * block_size * all),
              reserve(hidden_t_, features * all),
              statistics,
              statistics + all,
              statistics + 2 * all};
  const double loss = chunk.forward();
  if (grads != nullptr) chunk.backward(*grads);
  return loss;
}

at::Tensor tensor_output_loss(const OutputLayer& layer, const LossInput& input, OutputGrads* grads,
                              double grad_scale) {
  at::NoGradGuard no_grad;
  // Large chunks keep a GPU busy: 400 MB of logits for a vocabulary of 6,000.
  constexpr int64_t chunk_size = 16384;
  const at::ScalarType type = input.hidden.scalar_type();
  at::Tensor loss = at::zeros({}, input.hidden.options().dtype(at::kDouble));
  for (int64_t begin = 0; begin < input.hidden.size(0); begin += chunk_size) {
    const int64_t count = std::min(chunk_size, input.hidden.size(0) - begin);
    const LossInput part = input.narrow(begin, count);
    const at::Tensor target = part.targets.unsqueeze(1);  // [positions, 1]
    at::Tensor logits = at::linear(part.hidden, layer.weight, layer.bias);
    if (layer.relu_logits) logits.relu_();
    const at::Tensor log_probs = at::log_softmax(logits, 1, at::kFloat);
    const at::Tensor nll = log_probs.gather(1, target).squeeze(1).neg();
    loss.add_(nll.to(at::kDouble).dot(part.weights.to(at::kDouble)));
    if (grads == nullptr) continue;
    // The gradient of each position's NLL. The weights are multiplied in later, with tensors smaller than the
    // logits.
    at::Tensor d_logits = type == at::kFloat ? log_probs : at::empty_like(logits);
    at::exp_out(d_logits, log_probs);
    d_logits.scatter_add_(1, target, at::full_like(target, -1, d_logits.options()));
    if (layer.relu_logits) d_logits.mul_(logits.gt(0));
    const at::Tensor scales = (part.weights * grad_scale).to(type).unsqueeze(1);  // [positions, 1]
    OutputGrads wanted = grads->narrow(begin, count);
    wanted.bias.add_(at::mm(d_logits.t(), scales).squeeze(1));
    at::mm_out(wanted.hidden, d_logits, layer.weight);
    wanted.hidden.mul_(scales);
    wanted.weight.addmm_(d_logits.t(), part.hidden * scales);
  }
  return loss;
}

}  // namespace tangshi
