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

// The positions whose loss is asked for. hidden: [n, hidden]; targets: [n] int64, each inside the vocabulary;
// weights: [n], 0 for padding.
struct LossInput {
  at::Tensor hidden, targets, weights;

  LossInput narrow(int64_t begin, int64_t count) const;
};

// What a training step wants back besides the loss.
struct OutputGrads {
  at::Tensor hidden;        // [n, hidden], overwritten
  at::Tensor weight, bias;  // added to

  OutputGrads narrow(int64_t begin, int64_t count) const;
};

// On the CPU, by kernels.
class ChunkedLoss {
 public:
  // The sum over positions of weights x NLL, in nats.
  double operator()(const OutputLayer& layer, const LossInput& input, OutputGrads* grads);

 private:
  double chunk(const OutputLayer& layer, const LossInput& input, OutputGrads* grads);

  at::Tensor logits_, across_, columns_;  // of a chunk, kept between calls
};

// The same on any device, by tensor operations that wait for nothing: 0-dim double, there. Layer, hidden
// outputs and gradients may be 16 bits wide. grad_scale: the gradients are so many times those of the loss.
at::Tensor loss_by_tensors(const OutputLayer& layer, const LossInput& input, OutputGrads* grads,
                           double grad_scale = 1);

}  // namespace tangshi
