// How a GPU computes, without libtorch. Weights, gradients and the optimizer's averages have 32 bits with
// every precision.
#pragma once

namespace tangshi {

enum class Precision {
  fp32,
  tf32,  // products of 32-bit numbers round them to 19 bits
  bf16,  // weights and activations of a step in 16 bits
  fp16,
};

struct GpuConfig {
  Precision precision = Precision::tf32;
  bool graph = true;  // capture steps as CUDA graphs where possible
};

}  // namespace tangshi
