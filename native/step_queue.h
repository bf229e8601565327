// Training steps for a device that works through a queue, as a GPU does: batches go up without waiting, and
// nothing comes back before the results are asked for. By tensor operations on one replica.
#pragma once

#include <chrono>
#include <vector>

#include "trainer.h"

namespace tangshi {

class StepQueue {
 public:
  // Of the trainer's own; generator: seeds the dropout masks.
  StepQueue(ModelImpl& model, Parameters& parameters, Optimizer& optimizer, at::Generator& generator)
      : model_(model), parameters_(parameters), optimizer_(optimizer), generator_(generator) {}

  void train(const Batch& batch, double lr, double clip_norm);
  // Of the steps since the last call, when they are done. Each has an equal part of the time.
  std::vector<StepStats> results();
  // What was queued is forgotten: a step failed.
  void forget();

  TotalNll evaluate(const Batch& batch);

 private:
  struct Queued {
    at::Tensor loss, grad_norm;  // 0-dim, on the device
    int64_t tokens;
  };

  ModelImpl& model_;
  Parameters& parameters_;
  Optimizer& optimizer_;
  at::Generator& generator_;
  std::vector<Queued> queued_;
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace tangshi
