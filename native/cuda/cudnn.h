// cuDNN's RNN on a layer's weights where they lie. libtorch's own way to it, at::lstm, knows one layout only,
// that of its flatten_parameters(), and copies all others together at each call.
#pragma once

#include "model/model.h"

namespace tangshi {

// Whether cuDNN can take these weights of a layer (weight_ih, weight_hh, bias_ih, bias_hh) as they lie: on a
// GPU, one after the other, in the order it wants.
bool fit_for_cudnn(Cell cell, at::TensorList weights);

// x: [time, batch, in]; h and, for the LSTM, c: [1, batch, hidden] -> outputs [time, batch, hidden], h, c.
// The weights are fit.
std::tuple<at::Tensor, at::Tensor, at::Tensor> cudnn_layer(Cell cell, const at::Tensor& x,
                                                           at::TensorList weights, const at::Tensor& h,
                                                           const at::Tensor& c);

}  // namespace tangshi
