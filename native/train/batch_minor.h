// The batch-minor layout of the kernels, [features, batch]: a vector instruction computes one feature of many
// sequences or positions. Names of tensors in this layout end in _t.
#pragma once

#include <algorithm>

#include "libtorch.h"

namespace tangshi {

// Rows are padded to a multiple of this number of columns, for every instruction set.
constexpr int64_t column_multiple = 16;

inline int64_t padded_size(int64_t n) {
  return (n + column_multiple - 1) / column_multiple * column_multiple;
}

// Uninitialized memory for `n` floats, aligned to a cache line, owned by `buffer` and reused between calls.
inline float* reserve(at::Tensor& buffer, int64_t n) {
  if (!buffer.defined() || buffer.numel() < n) buffer = at::empty({n}, at::kFloat);
  return buffer.mutable_data_ptr<float>();
}

// x [..., rows, columns], padded with zeros: columns to a multiple of 16, rows to a multiple of
// `row_multiple`. Returns x itself if no padding is needed.
inline at::Tensor padded(const at::Tensor& x, int64_t row_multiple = 1) {
  const int64_t columns = padded_size(x.size(-1)) - x.size(-1);
  const int64_t rows = (row_multiple - x.size(-2) % row_multiple) % row_multiple;
  return (rows == 0 && columns == 0 ? x : at::constant_pad_nd(x, {0, columns, 0, rows})).contiguous();
}

}  // namespace tangshi
