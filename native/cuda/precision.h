// How a GPU multiplies. Weights, gradients and what the optimizer keeps are 32 bits wide in all of them.
#pragma once

#include "libtorch.h"

namespace tangshi {

enum class Precision {
  fp32,
  tf32,  // 32-bit numbers, of which the products take 19 bits
  bf16,  // weights and activations of a step in 16 bits
  fp16,
};

inline at::ScalarType compute_type(Precision precision) {
  if (precision == Precision::bf16) return at::kBFloat16;
  return precision == Precision::fp16 ? at::kHalf : at::kFloat;
}

}  // namespace tangshi
