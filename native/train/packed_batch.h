// What a shard computes of a batch: its rows, the longest first, and the places of their real targets.
// Padding behind the last target of a row costs no output and, where the cells can leave it out, no cell
// either.
#pragma once

#include <span>
#include <vector>

#include "libtorch.h"

namespace tangshi {

struct Batch;

struct PackedBatch {
  at::Tensor inputs;             // [time, rows] int64
  std::vector<int64_t> running;  // [time]: how many rows, the first ones, have a target there or later
  at::Tensor places;             // [n] int64: of the real targets among time x rows
  at::Tensor targets, weights;   // [n]
};

// The rows of a batch, the longest first.
std::vector<int64_t> longest_first(const Batch& batch);

// Every count-th of `order` from `shard` on. row_weights: of each real target, by row of the batch.
PackedBatch positions_of(const Batch& batch, const std::vector<int64_t>& order, int shard, int count,
                         const std::vector<float>& row_weights);

}  // namespace tangshi
