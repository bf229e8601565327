// Linear -> log-softmax -> NLL and its gradient, in chunks of positions, so that the logits of a batch
// ([positions, vocab]: 77 MB for 64 poems of 50 characters) never exist as a whole.
#pragma once

#include "libtorch.h"

namespace tangshi {

// The output layer: weight [vocab, hidden], bias [vocab].
struct OutputLayer {
  at::Tensor weight, bias;
  bool relu_logits;
};

// The positions of the loss. hidden: [n, hidden]; targets: [n] int64, each inside the vocabulary;
// weights: [n], 0 for padding.
struct LossInput {
  at::Tensor hidden, targets, weights;

  LossInput narrow(int64_t begin, int64_t count) const;
};

// Gradients that a training step wants besides the loss.
struct OutputGrads {
  at::Tensor hidden;        // [n, hidden], overwritten
  at::Tensor weight, bias;  // added to

  OutputGrads narrow(int64_t begin, int64_t count) const;
};

// On the CPU, by the kernels. Keeps its memory between calls.
class OutputLoss {
 public:
  // The sum over positions of weights x NLL, in nats.
  double operator()(const OutputLayer& layer, const LossInput& input, OutputGrads* grads);

 private:
  double chunk(const OutputLayer& layer, const LossInput& input, OutputGrads* grads);

  at::Tensor logits_, hidden_t_, statistics_;  // of a chunk
};

// The same by tensor operations, on any device and without waiting for it. Returns a 0-dim double on the
// device. Layer, hidden outputs and gradients may have 16 bits. The gradients are multiplied by grad_scale.
at::Tensor tensor_output_loss(const OutputLayer& layer, const LossInput& input, OutputGrads* grads,
                              double grad_scale = 1);

}  // namespace tangshi
