// RMSprop, Adam and AdamW with PyTorch's semantics, and gradient clipping, over flat parameters.
#pragma once

#include "parameters.h"
#include "shards.h"

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
  // On the CPU the update is one pass by kernels; elsewhere, and without `use_kernels`, tensor operations.
  Optimizer(const OptimizerConfig& config, const Parameters& parameters, bool use_kernels = true);

  // Adds up the replicas' gradients, in grads[0], and updates the parameters with them scaled down to a
  // 2-norm of clip_norm at most; each shard does its share. Returns the norm before clipping. A norm that is
  // not finite changes no parameter: the caller sees it and decides.
  double clip_and_step(Parameters& parameters, Shards& shards, double lr, double clip_norm);

  // Running averages by PyTorch's names, each flat like the parameters.
  struct Slot {
    std::string name;
    at::Tensor values;
  };
  std::vector<Slot>& slots() { return slots_; }
  int64_t& step() { return step_; }

  // Back to the state before the first step.
  void reset();

 private:
  double add_up(const Range& range, Parameters& parameters) const;
  void update(const Range& range, Parameters& parameters, double lr, double scale);
  void update_by_kernel(const Range& range, Parameters& parameters, double lr, double scale);
  void rmsprop(const Range& range, at::Tensor& values, const at::Tensor& grads, double lr);
  void adam(const Range& range, at::Tensor& values, const at::Tensor& grads, double lr);
  double correction(double beta) const;

  OptimizerConfig config_;
  bool use_kernels_;
  std::vector<Slot> slots_;
  int64_t step_ = 0;
};

}  // namespace tangshi
