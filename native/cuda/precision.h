// Numeric settings of a GPU, without libtorch. Weights, gradients and the optimizer's averages have 32 bits
// at every precision.
#pragma once

namespace tangshi {

enum class Precision {
  fp32,
  tf32,  // matrix products round their 32-bit factors to 19 bits (TF32)
  bf16,  // weights and activations of a step in 16 bits
  fp16,
};

struct GpuConfig {
  Precision precision = Precision::tf32;
  bool graph = true;  // capture steps as CUDA graphs where possible
};

}  // namespace tangshi
