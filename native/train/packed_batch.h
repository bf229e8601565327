// One thread's share of a batch: its rows, longest first, and the positions of their real targets. Padding
// after the last target of a row costs no output, and no step in a layer that can skip it.
#pragma once

#include <vector>

#include "libtorch.h"
#include "train/batch.h"

namespace tangshi {

struct PackedBatch {
  at::Tensor inputs;  // [time, rows] int64
  std::vector<int64_t>
      batch_sizes;  // [time]: number of rows (always the first ones) with a target at this step or later
  at::Tensor target_index;      // [n] int64: indices of the real targets in time x rows
  at::Tensor targets, weights;  // [n]
};

// The rows of a batch, longest first.
std::vector<int64_t> sorted_indices(const Batch& batch);

// Share `share` of `count`: every count-th element of `indices`, starting at `share`. row_weights: [rows of
// the batch], the weight of each real target of a row.
PackedBatch pack(const Batch& batch, const std::vector<int64_t>& indices, int share, int count,
                 const std::vector<float>& row_weights);

}  // namespace tangshi
