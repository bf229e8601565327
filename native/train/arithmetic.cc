#include "train/arithmetic.h"

#include <algorithm>

#include "error.h"

namespace tangshi {
namespace {

void copy(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
          int64_t to_stride) {
  for (int64_t r = 0; r < rows; r++) std::copy_n(from + r * from_stride, columns, to + r * to_stride);
}

}  // namespace

const Arithmetic& arithmetic(Precision precision, const Bf16Kernels* bf16) {
  static const Arithmetic single{1, kernels().multiply, copy, copy, kernels().transpose};
  if (precision == Precision::fp16) throw Error("ERR_TANGSHI_DEVICE", "fp16 needs a GPU");
  if (precision != Precision::bf16) return single;
  if (bf16 == nullptr) {
    throw Error("ERR_TANGSHI_DEVICE", "bf16 on the CPU needs a processor with AVX512_BF16");
  }
  static const Arithmetic pairs{2, bf16->multiply, bf16->pair_rows, bf16->pair_columns,
                                bf16->transpose_pairs};
  return pairs;
}

}  // namespace tangshi
