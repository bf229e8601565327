// A thread's share of a batch: its rows, the longest first, and the positions of their real targets. Padding
// behind the last target of a row costs no output, nor a step of a layer that can skip it.
#pragma once

#include <vector>

#include "libtorch.h"
#include "train/batch.h"

namespace tangshi {

struct PackedBatch {
  at::Tensor inputs;                 // [time, rows] int64
  std::vector<int64_t> batch_sizes;  // [time]: number of rows, the first ones, with a target there or later
  at::Tensor target_index;           // [n] int64: positions of the real targets among time x rows
  at::Tensor targets, weights;       // [n]
};

// The rows of a batch, the longest first.
std::vector<int64_t> sorted_indices(const Batch& batch);

// Share `share` of `count`: every count-th row of `indices` from there on. row_weights: [rows of the batch],
// the weight of each real target of a row.
PackedBatch pack(const Batch& batch, const std::vector<int64_t>& indices, int share, int count,
                 const std::vector<float>& row_weights);

}  // namespace tangshi
