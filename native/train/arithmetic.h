// The matrix products of a training step on the CPU: in single precision, or in bfloat16 with sums in single
// precision. A product reads words of 32 bits along its sum: one number, or in bfloat16 a pair
// (kernels/bf16.h).
#pragma once

#include "kernels/bf16.h"
#include "model/precision.h"

namespace tangshi {

struct Arithmetic {
  int64_t numbers;  // in a word: 1 or 2

  void (*multiply)(const Product& product);
  // From a matrix [rows, columns] to words: along its rows, to [words(rows), columns]; along its columns, to
  // [rows, words(columns)]; and this transposed, to [words(columns), rows]. Beyond the last number is 0.
  void (*along_rows)(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                     int64_t to_stride);
  void (*along_columns)(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                        int64_t to_stride);
  void (*transpose)(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                    int64_t to_stride);

  int64_t words(int64_t n) const { return (n + numbers - 1) / numbers; }
  // Otherwise the words along rows or columns are the matrix itself.
  bool converts() const { return numbers > 1; }
};

// That of bf16, or single precision for fp32 and tf32. Throws ERR_TANGSHI_DEVICE for fp16, and for bf16 if
// the CPU has no kernels for it.
const Arithmetic& arithmetic(Precision precision, const Bf16Kernels* bf16 = bf16_kernels());

}  // namespace tangshi
