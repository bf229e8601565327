// Inputs and statistics of a training step, without libtorch.
#pragma once

#include <cstdint>
#include <vector>

namespace tangshi {

// Poems as rows, padded at the end with target -1 and any valid input. What precedes a poem also has target
// -1.
struct Batch {
  std::vector<int32_t> inputs = {}, targets = {};  // [rows x time], row-major
  std::vector<float> weights = {};                 // [rows], or empty for the mean over real targets
  int64_t rows = 0, time = 0;

  // Number of real targets.
  int64_t tokens() const;
  // [rows]: the weight of each real target of a row in the loss.
  std::vector<float> loss_weights() const;
};

struct StepStats {
  double loss, grad_norm;
  int64_t tokens;
  double native_ms;
  bool captured = false;  // true if the step ran as a captured CUDA graph
};

struct TotalNll {
  double nll = 0;  // in nats
  int64_t tokens = 0;
};

}  // namespace tangshi
