#include "cuda/cudnn.h"

#include <ATen/ops/_cudnn_rnn.h>
#include <ATen/ops/_cudnn_rnn_flatten_weight.h>

namespace tangshi {
namespace {

constexpr int64_t tensors_of_a_layer = 4, layers = 1, no_projection = 0;
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

// All of a layer's weights, as one.
at::Tensor whole(at::TensorList weights) {
  return weights[0].detach().as_strided({numel_of(weights)}, {1}, weights[0].storage_offset());
}

}  // namespace

bool fit_for_cudnn(Cell cell, at::TensorList weights) {
  if (!weights[0].is_cuda() || !at::globalContext().hasCuDNN()) return false;
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> arranged;
  for (const at::Tensor& weight : weights) arranged.push_back(weight.detach().clone());
  // Moves them to where cuDNN wants them.
  const at::Tensor buffer =
      at::_cudnn_rnn_flatten_weight(arranged, tensors_of_a_layer, weights[0].size(1), mode_of(cell),
                                    hidden_of(weights), no_projection, layers, batch_first, bidirectional);
  if (buffer.numel() != numel_of(weights)) return false;
  const int64_t from = weights[0].storage_offset();
  for (size_t i = 0; i < weights.size(); i++) {
    if (weights[i].storage_offset() - from != arranged[i].storage_offset()) return false;
  }
  return true;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> cudnn_layer(Cell cell, const at::Tensor& x,
                                                           at::TensorList weights, const at::Tensor& h,
                                                           const at::Tensor& c) {
  constexpr double dropout = 0;
  const bool train = at::GradMode::is_enabled();
  const auto [out, new_h, new_c, reserve, buffer] =
      at::_cudnn_rnn(x, weights, tensors_of_a_layer, whole(weights), h,
                     c.defined() ? std::optional(c) : std::nullopt, mode_of(cell), hidden_of(weights),
                     no_projection, layers, batch_first, dropout, train, bidirectional, {}, std::nullopt);
  return {out, new_h, cell == Cell::lstm ? new_c : at::Tensor()};
}

}  // namespace tangshi
