// What this CPU can train in.
#pragma once

#include "train/arithmetic.h"

namespace tangshi::test {

inline std::vector<Precision> precisions() {
  if (bf16_kernels() == nullptr) return {Precision::fp32};
  return {Precision::fp32, Precision::bf16};
}

}  // namespace tangshi::test
