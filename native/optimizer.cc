#include "optimizer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tangshi {
namespace {

constexpr int64_t grain = 16;  // floats: shards do not write to one cache line

at::Tensor part(const at::Tensor& flat, const Range& range) {
  return flat.narrow(0, range.begin, range.size());
}

}  // namespace

Optimizer::Optimizer(const OptimizerConfig& config, const Parameters& parameters) : config_(config) {
  const auto zeros = [&] { return at::zeros_like(parameters.values); };
  if (config.kind == OptimizerKind::rmsprop) {
    slots_ = {{"square_avg", zeros()}};
  } else {
    slots_ = {{"exp_avg", zeros()}, {"exp_avg_sq", zeros()}};
  }
  denominator_ = at::empty_like(parameters.values);
}

double Optimizer::clip_and_step(Parameters& parameters, Shards& shards, double lr, double clip_norm) {
  const auto share = [&](int shard) { return shards.share(shard, parameters.values.numel(), grain); };
  std::vector<double> squares(shards.count());
  shards.run([&](int shard) {
    at::NoGradGuard no_grad;
    const Range range = share(shard);
    at::Tensor sum = part(parameters.grads[0], range);
    for (size_t i = 1; i < parameters.grads.size(); i++) sum.add_(part(parameters.grads[i], range));
    squares[shard] = std::pow(sum.norm().item<double>(), 2);
  });
  const double norm = std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
  if (!std::isfinite(norm)) return norm;
  step_++;
  // As torch.nn.utils.clip_grad_norm_, its 1e-6 included.
  const double scale = std::min(1.0, clip_norm / (norm + 1e-6));
  shards.run([&](int shard) { update(share(shard), parameters, lr, scale); });
  return norm;
}

void Optimizer::update(const Range& range, Parameters& parameters, double lr, double scale) {
  at::NoGradGuard no_grad;
  at::Tensor values = part(parameters.values, range), grads = part(parameters.grads[0], range);
  if (scale < 1) grads.mul_(scale);
  if (config_.weight_decay != 0) {
    if (config_.kind == OptimizerKind::adamw) {
      values.mul_(1 - lr * config_.weight_decay);
    } else {
      grads.add_(values, config_.weight_decay);
    }
  }
  config_.kind == OptimizerKind::rmsprop ? rmsprop(range, values, grads, lr) : adam(range, values, grads, lr);
}

void Optimizer::rmsprop(const Range& range, at::Tensor& values, const at::Tensor& grads, double lr) {
  at::Tensor square_avg = part(slots_[0].values, range), denominator = part(denominator_, range);
  square_avg.mul_(config_.alpha).addcmul_(grads, grads, 1 - config_.alpha);
  at::sqrt_out(denominator, square_avg).add_(config_.eps);
  values.addcdiv_(grads, denominator, -lr);
}

void Optimizer::adam(const Range& range, at::Tensor& values, const at::Tensor& grads, double lr) {
  at::Tensor exp_avg = part(slots_[0].values, range), exp_avg_sq = part(slots_[1].values, range);
  at::Tensor denominator = part(denominator_, range);
  const double correction1 = 1 - std::pow(config_.beta1, step_);
  const double correction2 = 1 - std::pow(config_.beta2, step_);
  exp_avg.lerp_(grads, 1 - config_.beta1);
  exp_avg_sq.mul_(config_.beta2).addcmul_(grads, grads, 1 - config_.beta2);
  at::sqrt_out(denominator, exp_avg_sq).div_(std::sqrt(correction2)).add_(config_.eps);
  values.addcdiv_(exp_avg, denominator, -lr / correction1);
}

void Optimizer::reset() {
  for (Slot& slot : slots_) slot.values.zero_();
  step_ = 0;
}

}  // namespace tangshi
