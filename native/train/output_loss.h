// Linear -> log-softmax -> NLL with its gradient, in chunks of positions, so that the logits of a whole batch
// ([positions, vocab]: 77 MB for 64 poems of 50 characters) are never in memory at once. The threads share
// each chunk; results do not depend on their number.
#pragma once

#include "parallel/spin_pool.h"
#include "train/buffer.h"
#include "train/packed_batch.h"
#include "train/panels.h"

namespace tangshi {

// The output layer: weight [vocab, features], bias [vocab].
struct OutputWeights {
  const float *weight, *bias;
  int64_t vocab, features;
  bool relu_logits;
};

struct OutputGradients {
  float *weight, *bias;  // added to
  float* hidden_t;       // [time, features, width], overwritten; 0 where there is no target
};

class OutputLoss {
 public:
  // panels: for the weights as the gradient reads them. Must outlive it.
  OutputLoss(const Arithmetic& arithmetic, Buffer& panels)
      : arithmetic_(arithmetic), panels_(panels), weight_back_(arithmetic) {}

  // More than this number of threads have nothing to do.
  static int64_t most_threads(int64_t vocab);

  // The sum over targets of weights x NLL, in nats. Without grads, only that. hidden_t: [time, features,
  // width], the outputs of the last layer.
  double operator()(const OutputWeights& layer, const PackedBatch& batch, const float* hidden_t,
                    const OutputGradients* grads, SpinPool& pool);

 private:
  struct Chunk;

  void reserve(const OutputWeights& layer, bool for_gradient, bool is_packed);
  void pack(const OutputWeights& layer, bool is_packed, SpinPool& pool);

  const Arithmetic& arithmetic_;
  Buffer& panels_;
  Buffer logits_;  // [blocks of the vocabulary, groups of a chunk, block, columns]; later their exp
  // Of the positions of a chunk: the hidden outputs, and their gradient.
  Buffer hidden_t_, d_hidden_t_;  // [groups, features, columns]
  Buffer hidden_rows_;            // [groups, words(columns), row_size(features)]
  Buffer maxima_, sums_;  // [blocks, groups, columns]: the largest logit, the sum of exp(logit - largest)
  // [4, groups, columns]: log of the sum of exp(logit), weight, weight of the target, logit of the target
  Buffer positions_;
  Panels weight_back_;  // the weight, transposed; its blocks are those of the vocabulary
  // Unless words are the numbers themselves: of the hidden outputs, [groups, words(features), columns]; of
  // the derivatives of the logits, [blocks, groups, words(block), columns]; of the weight, [vocab,
  // words(features)].
  Buffer hidden_words_t_, derivative_words_, weight_words_;
};

}  // namespace tangshi
