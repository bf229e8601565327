// One training step: forward, loss, backward, clip, update. Also the same forward for evaluation.
#pragma once

#include "loss.h"
#include "optimizer.h"

namespace tangshi {

// Poems as rows, padded at the end; padding has target -1 and any valid input.
struct Batch {
  std::vector<int32_t> inputs, targets;  // [rows x time], row-major
  std::vector<float> weights = {};       // [rows], or empty for the mean over real targets
  int64_t rows = 0, time = 0;

  int64_t tokens() const;
};

struct StepStats {
  double loss, grad_norm;
  int64_t tokens;
  double native_ms;
};

struct TotalNll {
  double nll = 0;  // in nats
  int64_t tokens = 0;
};

class Trainer {
 public:
  Trainer(const ModelConfig& model, const OptimizerConfig& optimizer, const at::Device& device,
          uint64_t seed);

  StepStats step(const Batch& batch, double lr, double clip_norm);
  TotalNll evaluate(const Batch& batch);

  Model& model() { return model_; }
  Parameters& parameters() { return parameters_; }
  Optimizer& optimizer() { return optimizer_; }
  // Drew the initial weights; draws the dropout masks.
  at::Generator& generator() { return generator_; }

 private:
  OutputLayer output_layer() const;

  at::Generator generator_;
  Model model_;
  Parameters parameters_;
  Optimizer optimizer_;
  ChunkedLoss loss_;
};

}  // namespace tangshi
