// One LSTM layer over all time steps on the CPU, with the kernels, including its gradient: a replacement for
// at::lstm on batches of many sequences.
#pragma once

#include "model/recurrent_layer.h"

namespace tangshi {

// See LayerFunction. The initial state gets no gradient, and the final state and outputs after the end of a
// sequence have none.
LayerOutput lstm_layer(const at::Tensor& x, const HiddenState& state, at::TensorList weights,
                       const std::vector<int64_t>& batch_sizes = {});

}  // namespace tangshi
