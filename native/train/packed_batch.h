// A batch as the kernels compute it: time step by time step, its rows sorted by length, so that those that
// have not ended are always the first ones. Padding after the last target of a row costs nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "train/batch.h"

namespace tangshi {

struct PackedBatch {
  int64_t time = 0;                  // of the longest row
  int64_t width = 0;                 // number of rows, padded to a multiple of 16
  std::vector<int64_t> used = {};    // [time]: number of columns to compute, a multiple of 16, not increasing
  std::vector<int32_t> inputs = {};  // [time, width], 0 beyond the rows
  std::vector<int32_t> targets = {};  // [time, width], -1 for none
  std::vector<float> weights = {};    // [time, width]: of each target in the loss, 0 for none

  std::vector<int64_t> positions = {};  // of the targets, in time x width; ascending

  int64_t size() const { return time * width; }
};

// row_weights: [rows of the batch], the weight of each real target of a row.
PackedBatch pack(const Batch& batch, const std::vector<float>& row_weights);

}  // namespace tangshi
