// Owns the parts of a training session: the parameters, the optimizer, the random number generator and the
// training step.
#pragma once

#include <functional>
#include <memory>

#include "model/precision.h"
#include "parallel/thread_pool.h"
#include "train/optimizer.h"
#include "train/train_step.h"

namespace tangshi {

class Trainer {
 public:
  // threads: number of CPU threads. Throws ERR_TANGSHI_DEVICE if the device cannot compute in this precision.
  Trainer(const ModelConfig& config, const OptimizerConfig& optimizer, const at::Device& device,
          uint64_t seed, int threads = 1, const StepConfig& step = {});

  // Runs one step per batch, each with its own learning rate, until canceled. Returns the stats of the steps
  // that ran.
  std::vector<StepStats> train(const std::vector<Batch>& batches, const std::vector<double>& lrs,
                               double clip_norm, const std::function<bool()>& canceled);
  StepStats step(const Batch& batch, double lr, double clip_norm);
  TotalNll evaluate(const Batch& batch) { return train_step_->evaluate(batch); }

  const ModelConfig& config() const { return config_; }
  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  Optimizer& optimizer() { return optimizer_; }
  // Has drawn the initial weights; seeds the dropout masks.
  at::Generator& generator() { return generator_; }
  ThreadPool& pool() { return pool_; }

 private:
  const ModelConfig config_;
  at::Generator generator_;
  Parameters parameters_;
  Optimizer optimizer_;
  ThreadPool pool_;
  const std::unique_ptr<TrainStep> train_step_;  // last: it refers to the others
};

}  // namespace tangshi
