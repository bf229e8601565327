#include "model/recurrent_layer.h"

namespace tangshi {

LayerOutput torch_layer(Cell cell, const at::Tensor& x, const HiddenState& state, at::TensorList weights,
                        const std::vector<int64_t>&) {
  constexpr bool has_biases = true, bidirectional = false, batch_first = false;
  constexpr int64_t layers = 1;
  constexpr double dropout = 0;
  const bool train = at::GradMode::is_enabled();
  LayerOutput result;
  switch (cell) {
    case Cell::lstm:
      std::tie(result.out, result.state.h, result.state.c) = at::lstm(
          x, {state.h, state.c}, weights, has_biases, layers, dropout, train, bidirectional, batch_first);
      break;
    case Cell::gru:
      std::tie(result.out, result.state.h) =
          at::gru(x, state.h, weights, has_biases, layers, dropout, train, bidirectional, batch_first);
      break;
    case Cell::rnn:
      std::tie(result.out, result.state.h) =
          at::rnn_tanh(x, state.h, weights, has_biases, layers, dropout, train, bidirectional, batch_first);
      break;
  }
  return result;
}

}  // namespace tangshi
