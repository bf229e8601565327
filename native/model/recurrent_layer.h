// One recurrent layer over all time steps: the interface that faster implementations share, and the reference
// by libtorch's operators.
#pragma once

#include <vector>

#include "libtorch.h"
#include "model/model_config.h"

namespace tangshi {

// What a recurrent network carries from one time step to the next: h and, for the LSTM, c; each [layers,
// batch, hidden].
struct HiddenState {
  at::Tensor h, c;
};

struct LayerOutput {
  at::Tensor out;     // [time, batch, hidden]
  HiddenState state;  // after the last time step, [1, batch, hidden]
};

// x: [time, batch, in]; state: [1, batch, hidden]; weights, in PyTorch's shapes: weight_ih, weight_hh,
// bias_ih, bias_hh. batch_sizes: [time], falling, the number of sequences, the first ones, that have not
// ended at each time step; empty if all run to the end. Outputs behind a sequence's end are undefined, but
// finite.
using LayerFunction = LayerOutput (*)(Cell cell, const at::Tensor& x, const HiddenState& state,
                                      at::TensorList weights, const std::vector<int64_t>& batch_sizes);

// By libtorch's operators, for every cell on every device. Computes the padding too.
LayerOutput torch_layer(Cell cell, const at::Tensor& x, const HiddenState& state, at::TensorList weights,
                        const std::vector<int64_t>& batch_sizes);

}  // namespace tangshi
