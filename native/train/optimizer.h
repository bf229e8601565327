// RMSprop, Adam and AdamW with PyTorch's semantics, and gradient clipping, over flat parameters.
#pragma once

#include "model/parameters.h"
#include "parallel/thread_pool.h"

namespace tangshi {

enum class OptimizerKind { rmsprop, adam, adamw };

struct OptimizerConfig {
  OptimizerKind kind = OptimizerKind::rmsprop;
  double alpha = 0.99;                // RMSprop's decay of the squared gradient
  double beta1 = 0.9, beta2 = 0.999;  // Adam's decays
  double eps = 1e-8;
  double weight_decay = 0;  // added to the gradient; AdamW shrinks the weight instead
};

class Optimizer {
 public:
  Optimizer(const OptimizerConfig& config, const Parameters& parameters);

  // On the CPU, by kernels. Adds up the replicas' gradients, in grads[0], and updates the parameters with
  // them scaled down to a 2-norm of clip_norm at most; each shard does its share. Returns the norm before
  // clipping. A norm that is not finite changes no parameter: the caller sees it and decides.
  double clip_and_step(Parameters& parameters, ThreadPool& shards, double lr, double clip_norm);

  // The same for the gradients of one replica on any device, without waiting for it: lr, clip_norm and the
  // norm are numbers there, 0-dim. What memory it takes, it takes before anything is changed.
  at::Tensor clip_and_step(Parameters& parameters, const at::Tensor& lr, const at::Tensor& clip_norm);

  // Running averages by PyTorch's names, each flat like the parameters.
  struct Slot {
    std::string name;
    at::Tensor values;
  };
  std::vector<Slot>& slots() { return slots_; }
  // Steps done: 0-dim int64, where the parameters are.
  at::Tensor& step() { return step_; }

  // Back to the state before the first step.
  void reset();

 private:
  double add_up(const Range& range, Parameters& parameters) const;
  void update(const Range& range, Parameters& parameters, double lr, double scale);
  double correction(double beta) const;

  OptimizerConfig config_;
  std::vector<Slot> slots_;
  at::Tensor step_;
  at::Tensor update_, square_;  // [n], scratch of the step by tensors
};

}  // namespace tangshi
