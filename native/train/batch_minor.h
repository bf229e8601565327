// The batch-minor layout of the kernels, [time, features, width]: a vector instruction computes one feature
// of many sequences. Names of arrays in this layout end in _t. The same values as rows are [time, width,
// row_size(features)].
#pragma once

#include <cstdint>

namespace tangshi {

// Sizes are padded to a multiple of this number of floats, for every instruction set.
constexpr int64_t column_multiple = 16;

constexpr int64_t padded_size(int64_t n) {
  return (n + column_multiple - 1) / column_multiple * column_multiple;
}

// Floats from row to row.
constexpr int64_t row_size(int64_t features) { return padded_size(features); }

}  // namespace tangshi
