// One LSTM layer over all time steps on the CPU, by the kernels, with its gradient: what at::lstm computes,
// for batches of many sequences.
#pragma once

#include "libtorch.h"

namespace tangshi {

struct LstmOutput {
  at::Tensor out;   // [time, batch, hidden]
  at::Tensor h, c;  // [1, batch, hidden], after the last step; without a gradient
};

// x: [time, batch, in]; h and c: [1, batch, hidden], which get no gradient. weights, as PyTorch has them:
// weight_ih [4 x hidden, in], weight_hh [4 x hidden, hidden], bias_ih and bias_hh [4 x hidden].
// running: [time], falling, how many of the sequences, the first ones, go on at each step; empty: all. What
// comes out of the others from there on is finite, of no meaning and without a gradient.
LstmOutput lstm_layer(const at::Tensor& x, const at::Tensor& h, const at::Tensor& c, at::TensorList weights,
                      const std::vector<int64_t>& running = {});

}  // namespace tangshi
