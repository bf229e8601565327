// One recurrent layer over all time steps: the interface for faster implementations, and a reference
// implementation with libtorch's operators.
#pragma once

#include <vector>

#include "libtorch.h"
#include "model/model_config.h"

namespace tangshi {

// The state of a recurrent network between time steps: h and, for the LSTM, c; each [layers, batch, hidden].
struct HiddenState {
  at::Tensor h, c;
};

struct LayerOutput {
  at::Tensor out;     // [time, batch, hidden]
  HiddenState state;  // after the last time step, [1, batch, hidden]
};

// x: [time, batch, in]; state: [1, batch, hidden]; weights in PyTorch's shapes: weight_ih, weight_hh,
// bias_ih, bias_hh. batch_sizes: [time], non-increasing, the number of sequences (always the first ones) that
// have not ended at each time step; empty if none ends early. Outputs after the end of a sequence are
// undefined, but finite.
using LayerFunction = LayerOutput (*)(Cell cell, const at::Tensor& x, const HiddenState& state,
                                      at::TensorList weights, const std::vector<int64_t>& batch_sizes);

// With libtorch's operators, for every cell on every device. Also computes the padding.
LayerOutput torch_layer(Cell cell, const at::Tensor& x, const HiddenState& state, at::TensorList weights,
                        const std::vector<int64_t>& batch_sizes);

}  // namespace tangshi
