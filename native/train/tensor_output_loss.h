// Linear -> log-softmax -> NLL with its gradient, in chunks of positions, so that the logits of a whole batch
// ([positions, vocab]: 77 MB for 64 poems of 50 characters) are never in memory at once.
#pragma once

#include "libtorch.h"

namespace tangshi {

// The output layer: weight [vocab, hidden], bias [vocab].
struct OutputLayer {
  at::Tensor weight, bias;
  bool relu_logits;
};

// The positions of the loss. hidden: [n, hidden]; targets: [n] int64, each in the vocabulary; weights: [n], 0
// for padding.
struct LossInput {
  at::Tensor hidden, targets, weights;

  LossInput narrow(int64_t begin, int64_t count) const;
};

// Gradients that a training step needs in addition to the loss.
struct OutputGrads {
  at::Tensor hidden;        // [n, hidden], overwritten
  at::Tensor weight, bias;  // added to

  OutputGrads narrow(int64_t begin, int64_t count) const;
};

// With tensor operations, on any device and without waiting for it. Returns the sum over positions of weights
// x NLL, in nats, as a 0-dim double on the device. Layer, hidden outputs and gradients may have 16 bits. The
// gradients are multiplied by grad_scale.
at::Tensor tensor_output_loss(const OutputLayer& layer, const LossInput& input, OutputGrads* grads,
                              double grad_scale = 1);

}  // namespace tangshi
