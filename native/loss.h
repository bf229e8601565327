// Linear -> log-softmax -> NLL and its gradient, in chunks of rows, so that the logits of a batch
// ([positions, vocab]: 77 MB for 64 poems of 50 characters) never exist as a whole.
#pragma once

#include "libtorch.h"

namespace tangshi {

// The output layer: weight [vocab, hidden], bias [vocab].
struct OutputLayer {
  at::Tensor weight, bias;
  bool relu_logits;
};

// What a training step wants back besides the loss.
struct OutputGrads {
  at::Tensor hidden;        // [n, hidden], overwritten
  at::Tensor weight, bias;  // added to
};

class ChunkedLoss {
 public:
  // The sum over rows of weights x NLL, in nats.
  // hidden: [n, hidden]; targets: [n] int64, each inside the vocabulary; weights: [n], 0 for padding.
  double operator()(const OutputLayer& layer, const at::Tensor& hidden, const at::Tensor& targets,
                    const at::Tensor& weights, OutputGrads* grads);

 private:
  at::Tensor logits_;  // [chunk, vocab], kept between calls
};

}  // namespace tangshi
