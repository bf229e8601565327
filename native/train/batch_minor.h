// Arrays for the kernels: [features, lanes], with the sequences or positions of a batch side by side in the
// lanes of vectors.
#pragma once

#include <algorithm>

#include "libtorch.h"

namespace tangshi {

// Lanes come in multiples of this many, whatever the level of the kernels.
constexpr int64_t lane_multiple = 16;

inline int64_t in_lanes(int64_t n) { return (n + lane_multiple - 1) / lane_multiple * lane_multiple; }

// Kept memory for `n` floats, aligned to a cache line; its content is whatever was left there.
inline float* room(at::Tensor& buffer, int64_t n) {
  if (!buffer.defined() || buffer.numel() < n) buffer = at::empty({n}, at::kFloat);
  return buffer.mutable_data_ptr<float>();
}

// x, [..., rows, columns], filled with zeros: columns up to a multiple of 16, rows up to one of
// `row_multiple`. Itself when it is like that already.
inline at::Tensor padded(const at::Tensor& x, int64_t row_multiple = 1) {
  const int64_t columns = in_lanes(x.size(-1)) - x.size(-1);
  const int64_t rows = (row_multiple - x.size(-2) % row_multiple) % row_multiple;
  return (rows == 0 && columns == 0 ? x : at::constant_pad_nd(x, {0, columns, 0, rows})).contiguous();
}

}  // namespace tangshi
