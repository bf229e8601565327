// RMSprop, Adam and AdamW with PyTorch's semantics, and gradient clipping, over flat parameters.
#pragma once

#include "model/parameters.h"
#include "parallel/thread_pool.h"
#include "train/optimizer_config.h"

namespace tangshi {

class Optimizer {
 public:
  Optimizer(const OptimizerConfig& config, const Parameters& parameters);

  // On the CPU, with the kernels. Scales the gradients, [n], to a 2-norm of at most clip_norm, and updates
  // the parameters; each thread updates its range. Returns the norm before clipping. If it is not finite, no
  // parameter changes.
  double clip_and_step(Parameters& parameters, const at::Tensor& grads, ThreadPool& pool, double lr,
                       double clip_norm);

  // The same on any device, without waiting for it: lr, clip_norm and the norm are 0-dim tensors there.
  // Allocates all memory before it changes anything.
  at::Tensor clip_and_step(Parameters& parameters, const at::Tensor& grads, const at::Tensor& lr,
                           const at::Tensor& clip_norm);

  // A running average under PyTorch's name, flat like the parameters.
  struct Slot {
    std::string name;
    at::Tensor values;
  };
  std::vector<Slot>& slots() { return slots_; }
  // Number of completed steps: 0-dim int64, on the parameters' device.
  at::Tensor& step() { return step_; }

 private:
  void update(const Range& range, Parameters& parameters, const at::Tensor& grads, double lr, double scale);
  double bias_correction(double beta) const;

  OptimizerConfig config_;
  std::vector<Slot> slots_;
  at::Tensor step_;
  at::Tensor update_, square_;  // [n], scratch memory for tensor operations
};

}  // namespace tangshi
