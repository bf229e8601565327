// What this CPU can train in.
#pragma once

#include <cstdio>
#include <vector>

#include "train/arithmetic.h"

namespace tangshi::test {

// Says so if it lacks bf16, since tests are then skipped.
inline bool has_bf16() {
  static const bool has = [] {
    if (bf16_kernels() != nullptr) return true;
    std::fputs("tests of bf16 are skipped: this CPU has no AVX512_BF16\n", stderr);
    return false;
  }();
  return has;
}

inline std::vector<Precision> precisions() {
  if (!has_bf16()) return {Precision::fp32};
  return {Precision::fp32, Precision::bf16};
}

}  // namespace tangshi::test
