// The vector instructions that the CPU supports, and the system too, which must save their registers.
#pragma once

namespace tangshi {

struct CpuFeatures {
  bool avx2 = false, avx512 = false, avx512_bf16 = false;
};

// All false where the CPU is not an x86.
CpuFeatures cpu_features();

}  // namespace tangshi
