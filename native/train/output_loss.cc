#include "train/output_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/kernels.h"
#include "train/batch_minor.h"

namespace tangshi {
namespace {

// What is worked on at a time stays in a core's own caches: 64 positions lie side by side in the lanes of
// vectors, 8 such groups are a chunk, and 128 outputs of it a block.
constexpr int64_t lanes = 64, chunk_positions = 8 * lanes, block_outputs = 128;

// The output layer of a chunk, by the kernels.
struct Chunk {
  const Kernels& k;
  const OutputLayer& layer;
  const LossInput& input;
  const int64_t positions, groups, features, vocab;
  float* const logits;     // [vocab in blocks, groups, block, lanes]
  float* const across;     // [groups, features, lanes]: hidden, then its gradient
  float* const largest;    // [groups, lanes], of the logits
  float* const log_total;  // [groups, lanes], of exp(logit)
  float* const weights;    // [groups, lanes], 0 beyond the positions

  double forward();
  void backward(OutputGrads& grads);

  // Calls body(first output, outputs, logits of the block).
  template <typename Body>
  void each_block(Body body) const {
    for (int64_t first = 0; first < vocab; first += block_outputs) {
      body(first, std::min(block_outputs, vocab - first), logits + first * groups * lanes);
    }
  }

  // Calls body(group, its first position, its positions).
  template <typename Body>
  void each_group(Body body) const {
    for (int64_t g = 0; g < groups; g++) body(g, g * lanes, std::min(lanes, positions - g * lanes));
  }

  float& in_block(float* block, int64_t output, int64_t p) const {
    return block[(p / lanes * block_outputs + output) * lanes + p % lanes];
  }
  float target_logit(int64_t p) const {
    const int64_t first = target(p) / block_outputs * block_outputs;
    return in_block(logits + first * groups * lanes, target(p) - first, p);
  }
  int64_t target(int64_t p) const { return input.targets.const_data_ptr<int64_t>()[p]; }
  const float* weight_of(int64_t output) const {
    return layer.weight.const_data_ptr<float>() + output * features;
  }
};

double Chunk::forward() {
  const int64_t all = groups * lanes;
  std::fill_n(weights, all, 0.0f);
  std::copy_n(input.weights.const_data_ptr<float>(), positions, weights);
  std::fill_n(largest, all, -std::numeric_limits<float>::infinity());
  std::fill_n(log_total, all, 0.0f);
  std::fill_n(across, all * features, 0.0f);
  each_group([&](int64_t g, int64_t first, int64_t count) {
    k.transpose(input.hidden.const_data_ptr<float>() + first * features, features, count, features,
                across + g * features * lanes, lanes);
  });
  each_block([&](int64_t first, int64_t outputs, float* block) {
    for (int64_t g = 0; g < groups; g++) {
      float* part = block + g * block_outputs * lanes;
      k.multiply({.x = {weight_of(first), features, 1},
                  .w = {across + g * features * lanes, lanes},
                  .rows = outputs,
                  .columns = lanes,
                  .count = features,
                  .start = layer.bias.const_data_ptr<float>() + first,
                  .out = part,
                  .out_stride = lanes});
      if (layer.relu_logits) k.relu(part, outputs * lanes);
      k.track_softmax(part, outputs, lanes, largest + g * lanes, log_total + g * lanes);
    }
  });
  double loss = 0;
  for (int64_t p = 0; p < all; p++) {
    const double logarithm = largest[p] + std::log(static_cast<double>(log_total[p]));
    log_total[p] = static_cast<float>(logarithm);
    if (p < positions) loss += weights[p] * (logarithm - target_logit(p));
  }
  return loss;
}

void Chunk::backward(OutputGrads& grads) {
  std::vector<bool> cut(positions);  // by ReLU: no gradient
  for (int64_t p = 0; p < positions; p++) cut[p] = layer.relu_logits && !(target_logit(p) > 0);
  std::fill_n(across, groups * features * lanes, 0.0f);
  const at::Tensor hidden = padded(input.hidden, lanes);
  each_block([&](int64_t first, int64_t outputs, float* block) {
    float* bias_grad = grads.bias.mutable_data_ptr<float>() + first;
    for (int64_t g = 0; g < groups; g++) {
      float* part = block + g * block_outputs * lanes;  // becomes the gradient
      k.softmax(part, outputs, lanes, log_total + g * lanes, weights + g * lanes, layer.relu_logits);
    }
    for (int64_t p = 0; p < positions; p++) {
      const int64_t output = target(p) - first;
      if (output >= 0 && output < outputs && !cut[p]) in_block(block, output, p) -= weights[p];
    }
    for (int64_t g = 0; g < groups; g++) {
      const float* part = block + g * block_outputs * lanes;
      k.add_row_sums(part, lanes, outputs, lanes, bias_grad);
      k.multiply({.x = {weight_of(first), 1, features},
                  .w = {part, lanes},
                  .rows = features,
                  .columns = lanes,
                  .count = outputs,
                  .start = nullptr,
                  .out = across + g * features * lanes,
                  .out_stride = lanes});
    }
    k.multiply({.x = {block, lanes, 1, block_outputs * lanes},
                .w = {hidden.const_data_ptr<float>(), hidden.size(1), lanes * hidden.size(1)},
                .rows = outputs,
                .columns = features,
                .count = lanes,
                .blocks = groups,
                .start = nullptr,
                .out = grads.weight.mutable_data_ptr<float>() + first * features,
                .out_stride = features});
  });
  each_group([&](int64_t g, int64_t first, int64_t count) {
    k.transpose(across + g * features * lanes, lanes, features, count,
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

double ChunkedLoss::operator()(const OutputLayer& layer, const LossInput& input, OutputGrads* grads) {
  at::NoGradGuard no_grad;
  double loss = 0;
  for (int64_t begin = 0; begin < input.hidden.size(0); begin += chunk_positions) {
    const int64_t count = std::min(chunk_positions, input.hidden.size(0) - begin);
    std::optional<OutputGrads> part;
    if (grads != nullptr) part = grads->narrow(begin, count);
    loss += chunk(layer, input.narrow(begin, count), part ? &*part : nullptr);
  }
  return loss;
}

double ChunkedLoss::chunk(const OutputLayer& layer, const LossInput& input, OutputGrads* grads) {
  const int64_t positions = input.hidden.size(0), features = input.hidden.size(1);
  const int64_t vocab = layer.weight.size(0), groups = (positions + lanes - 1) / lanes;
  const int64_t blocks = (vocab + block_outputs - 1) / block_outputs, all = groups * lanes;
  float* const columns = room(columns_, 3 * all);
  Chunk chunk{kernels(),
              layer,
              input,
              positions,
              groups,
              features,
              vocab,
              room(logits_, blocks * block_outputs * all),
              room(across_, features * all),
              columns,
              columns + all,
              columns + 2 * all};
  const double loss = chunk.forward();
  if (grads != nullptr) chunk.backward(*grads);
  return loss;
}

at::Tensor loss_by_tensors(const OutputLayer& layer, const LossInput& input, OutputGrads* grads,
                           double grad_scale) {
  at::NoGradGuard no_grad;
  // A GPU wants much at a time: 400 MB of logits at a vocabulary of 6,000.
  constexpr int64_t most_positions = 16384;
  const at::ScalarType type = input.hidden.scalar_type();
  at::Tensor loss = at::zeros({}, input.hidden.options().dtype(at::kDouble));
  for (int64_t begin = 0; begin < input.hidden.size(0); begin += most_positions) {
    const int64_t count = std::min(most_positions, input.hidden.size(0) - begin);
    const LossInput part = input.narrow(begin, count);
    const at::Tensor target = part.targets.unsqueeze(1);  // [positions, 1]
    at::Tensor logits = at::linear(part.hidden, layer.weight, layer.bias);
    if (layer.relu_logits) logits.relu_();
    const at::Tensor log_probs = at::log_softmax(logits, 1, at::kFloat);
    const at::Tensor nll = log_probs.gather(1, target).squeeze(1).neg();
    loss.add_(nll.to(at::kDouble).dot(part.weights.to(at::kDouble)));
    if (grads == nullptr) continue;
    // The gradient of each position's own NLL; the weights come in where tensors are smaller than logits are.
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
