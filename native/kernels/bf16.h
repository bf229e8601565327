// Matrix products in bfloat16, with sums in single precision. Two numbers that are multiplied one after the
// other make a pair, a word of 32 bits, the first in its lower half: an instruction adds both products.
#pragma once

#include "kernels.h"

namespace tangshi {

struct Bf16Kernels {
  // Like Kernels::multiply, but each number of x and w is a pair: out = start + sum of x[k][0] w[k][0] +
  // x[k][1] w[k][1].
  void (*multiply)(const Product& product);

  // Conversions of a matrix from: [rows, columns] to pairs, rounded to nearest, ties to even. Without a
  // partner, a number is paired with 0. to[r / 2][c] = (from[r][c], from[r + 1][c])
  void (*pair_rows)(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                    int64_t to_stride);
  // to[r][c / 2] = (from[r][c], from[r][c + 1]); `to` may be `from` with a stride that is not larger.
  void (*pair_columns)(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                       int64_t to_stride);
  // to[c / 2][r] = (from[r][c], from[r][c + 1])
  void (*transpose_pairs)(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                          int64_t to_stride);
};

// Null if the CPU has no such instructions.
const Bf16Kernels* bf16_kernels();

}  // namespace tangshi
