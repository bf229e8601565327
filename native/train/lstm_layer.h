// One LSTM layer over all time steps on the CPU, by the kernels, with its gradient: what at::lstm computes,
// for batches of many sequences.
#pragma once

#include "model/recurrent_layer.h"

namespace tangshi {

// As LayerFunction says. The initial state gets no gradient, and the final one has none. What is computed
// behind a sequence's end has no gradient either.
LayerOutput lstm_layer(const at::Tensor& x, const HiddenState& state, at::TensorList weights,
                       const std::vector<int64_t>& batch_sizes = {});

}  // namespace tangshi
