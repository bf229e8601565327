// The interface of a training step: forward, loss, backward, clip, update; and of a forward pass for
// evaluation. Implemented for the CPU (cpu_train_step.h) and for a GPU (cuda/cuda_train_step.h).
#pragma once

#include <optional>
#include <vector>

#include "model/model.h"
#include "train/batch.h"
#include "train/tensor_output_loss.h"

namespace tangshi {

class TrainStep {
 public:
  virtual ~TrainStep() = default;

  // Updates the parameters once. May return before the device has finished.
  virtual void step(const Batch& batch, double lr, double clip_norm) = 0;
  // Waits for all steps and returns their stats since the last call.
  virtual std::vector<StepStats> results() = 0;
  // Discards the stats since the last call of results(), because one of the steps failed.
  virtual void discard() = 0;

  virtual TotalNll evaluate(const Batch& batch) = 0;
};

OutputLayer output_layer(const ModelImpl& model);

// Outputs of the last layer for whole sequences: [time x rows, hidden]. inputs: [time, rows]; batch_sizes:
// see LayerFunction.
at::Tensor hidden_outputs(const ModelImpl& model, const at::Tensor& inputs,
                          const std::optional<at::Generator>& dropout,
                          const std::vector<int64_t>& batch_sizes = {});

}  // namespace tangshi
