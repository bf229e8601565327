// Precision of matrix products, without libtorch. Weights, gradients and the optimizer's averages have 32
// bits at every precision.
#pragma once

namespace tangshi {

enum class Precision {
  fp32,
  tf32,  // a GPU rounds their factors to 19 bits (TF32); the CPU does not
  bf16,  // factors in 16 bits, sums in 32
  fp16,  // the same; on a GPU only
};

// How training steps are computed.
struct StepConfig {
  Precision precision = Precision::tf32;
  bool graph = true;  // on a GPU, capture steps as CUDA graphs where possible
};

}  // namespace tangshi
