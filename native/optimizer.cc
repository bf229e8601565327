#include "optimizer.h"

#include <cmath>

namespace tangshi {

Optimizer::Optimizer(const OptimizerConfig& config, const Parameters& parameters) : config_(config) {
  const auto zeros = [&] { return at::zeros_like(parameters.values); };
  if (config.kind == OptimizerKind::rmsprop) {
    slots_ = {{"square_avg", zeros()}};
  } else {
    slots_ = {{"exp_avg", zeros()}, {"exp_avg_sq", zeros()}};
  }
  denominator_ = at::empty_like(parameters.values);
}

double Optimizer::clip_and_step(Parameters& parameters, double lr, double clip_norm) {
  at::NoGradGuard no_grad;
  const double norm = parameters.grads.norm().item<double>();
  if (!std::isfinite(norm)) return norm;
  // As torch.nn.utils.clip_grad_norm_, its 1e-6 included.
  const double scale = clip_norm / (norm + 1e-6);
  if (scale < 1) parameters.grads.mul_(scale);
  if (config_.weight_decay != 0) {
    if (config_.kind == OptimizerKind::adamw) {
      parameters.values.mul_(1 - lr * config_.weight_decay);
    } else {
      parameters.grads.add_(parameters.values, config_.weight_decay);
    }
  }
  step_++;
  if (config_.kind == OptimizerKind::rmsprop) {
    rmsprop(parameters.values, parameters.grads, lr);
  } else {
    adam(parameters.values, parameters.grads, lr);
  }
  return norm;
}

void Optimizer::rmsprop(at::Tensor& values, const at::Tensor& grads, double lr) {
  at::Tensor& square_avg = slots_[0].values;
  square_avg.mul_(config_.alpha).addcmul_(grads, grads, 1 - config_.alpha);
  at::sqrt_out(denominator_, square_avg).add_(config_.eps);
  values.addcdiv_(grads, denominator_, -lr);
}

void Optimizer::adam(at::Tensor& values, const at::Tensor& grads, double lr) {
  at::Tensor& exp_avg = slots_[0].values;
  at::Tensor& exp_avg_sq = slots_[1].values;
  const double correction1 = 1 - std::pow(config_.beta1, step_);
  const double correction2 = 1 - std::pow(config_.beta2, step_);
  exp_avg.lerp_(grads, 1 - config_.beta1);
  exp_avg_sq.mul_(config_.beta2).addcmul_(grads, grads, 1 - config_.beta2);
  at::sqrt_out(denominator_, exp_avg_sq).div_(std::sqrt(correction2)).add_(config_.eps);
  values.addcdiv_(exp_avg, denominator_, -lr / correction1);
}

void Optimizer::reset() {
  for (Slot& slot : slots_) slot.values.zero_();
  step_ = 0;
}

}  // namespace tangshi
