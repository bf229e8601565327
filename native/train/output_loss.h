// Linear -> log-softmax -> NLL with its gradient, in chunks of positions, so that the logits of a whole batch
// ([positions, vocab]: 77 MB for 64 poems of 50 characters) are never in memory at once. The threads share
// each chunk; results do not depend on their number.
#pragma once

#include "kernels/kernels.h"
#include "parallel/spin_pool.h"
#include "train/packed_batch.h"
#include "train/panels.h"

namespace tangshi {

// The output layer: weight [vocab, features], bias [vocab].
struct OutputWeights {
  const float *weight, *bias;
  int64_t vocab, features;
  bool relu_logits;
};

// The outputs of the last layer, in both layouts: [time, features, width] and [time, width,
// row_size(features)].
struct HiddenOutputs {
  const float *t, *rows;
};

struct OutputGradients {
  float *weight, *bias;  // added to
  float* hidden_t;       // [time, features, width], overwritten; 0 where there is no target
};

class OutputLoss {
 public:
  // More than this number of threads have nothing to do.
  static int64_t most_threads(int64_t vocab);

  // The sum over targets of weights x NLL, in nats. Without grads, only that.
  double operator()(const OutputWeights& layer, const PackedBatch& batch, const HiddenOutputs& hidden,
                    const OutputGradients* grads, SpinPool& pool);

 private:
  struct Chunk;

  void reserve(const OutputWeights& layer, bool for_gradient, bool is_packed);
  void pack(const OutputWeights& layer, SpinPool& pool);

  Buffer logits_;  // [blocks of the vocabulary, groups of a chunk, block, columns]; later their exp
  // Of the positions of a chunk: the hidden outputs in both layouts, and their gradient.
  Buffer hidden_t_, d_hidden_t_;  // [groups, features, columns]
  Buffer hidden_rows_;            // [groups, columns, row_size(features)]
  Buffer maxima_, sums_;  // [blocks, groups, columns]: the largest logit, the sum of exp(logit - largest)
  // [4, groups, columns]: log of the sum of exp(logit), weight, weight of the target, logit of the target
  Buffer positions_;
  Panels weight_back_;  // the weight, transposed
};

}  // namespace tangshi
