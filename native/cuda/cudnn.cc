#include "cuda/cudnn.h"

#include <ATen/ops/_cudnn_rnn.h>
#include <ATen/ops/_cudnn_rnn_flatten_weight.h>

#include <algorithm>

namespace tangshi {
namespace {

constexpr int64_t tensors_per_layer = 4, layers = 1, no_projection = 0;
constexpr bool batch_first = false, bidirectional = false;

// cudnnRNNMode_t
int64_t mode_of(Cell cell) {
  switch (cell) {
    case Cell::rnn:
      return 1;
    case Cell::lstm:
      return 2;
    case Cell::gru:
      return 3;
  }
  TORCH_CHECK(false, "unknown cell");
}

int64_t hidden_of(at::TensorList weights) { return weights[1].size(1); }

int64_t numel_of(at::TensorList weights) {
  int64_t count = 0;
  for (const at::Tensor& weight : weights) count += weight.numel();
  return count;
}

// All weights of a layer as one tensor.
at::Tensor flat(at::TensorList weights) {
  return weights[0].detach().as_strided({numel_of(weights)}, {1}, weights[0].storage_offset());
}

std::vector<at::Tensor> layer_weights(const Parameters& parameters, int64_t layer) {
  std::vector<at::Tensor> weights;
  const auto first = parameters.slices.begin() + 1 + layer * tensors_per_layer;  // after the embedding
  std::for_each(first, first + tensors_per_layer,
                [&](const ParameterSlice& slice) { weights.push_back(slice.of(parameters.values)); });
  return weights;
}

// Whether these weights of a layer are already in cuDNN's layout: adjacent, in this order.
bool fits(Cell cell, at::TensorList weights) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> arranged;
  for (const at::Tensor& weight : weights) arranged.push_back(weight.clone());
  // Copies them into one buffer in cuDNN's layout.
  const at::Tensor buffer =
      at::_cudnn_rnn_flatten_weight(arranged, tensors_per_layer, weights[0].size(1), mode_of(cell),
                                    hidden_of(weights), no_projection, layers, batch_first, bidirectional);
  if (buffer.numel() != numel_of(weights)) return false;
  const int64_t begin = weights[0].storage_offset();
  for (size_t i = 0; i < weights.size(); i++) {
    if (weights[i].storage_offset() - begin != arranged[i].storage_offset()) return false;
  }
  return true;
}

LayerOutput cudnn_layer(Cell cell, const at::Tensor& x, const HiddenState& state, at::TensorList weights,
                        const std::vector<int64_t>&) {
  constexpr double dropout = 0;
  const bool train = at::GradMode::is_enabled();
  const auto [out, h, c, reserve, buffer] = at::_cudnn_rnn(
      x, weights, tensors_per_layer, flat(weights), state.h,
      state.c.defined() ? std::optional(state.c) : std::nullopt, mode_of(cell), hidden_of(weights),
      no_projection, layers, batch_first, dropout, train, bidirectional, {}, std::nullopt);
  return {out, {h, cell == Cell::lstm ? c : at::Tensor()}};
}

}  // namespace

LayerFunction cuda_layer(const ModelConfig& config, const Parameters& parameters) {
  if (!parameters.values.is_cuda() || !at::globalContext().hasCuDNN()) return torch_layer;
  for (int64_t layer = 0; layer < config.layers; layer++) {
    if (!fits(config.cell, layer_weights(parameters, layer))) return torch_layer;
  }
  return cudnn_layer;
}

}  // namespace tangshi
