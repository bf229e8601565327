#include "optimizer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/kernels.h"

namespace tangshi {
namespace {

constexpr int64_t grain = 16;  // floats: shards do not write to one cache line

at::Tensor part(const at::Tensor& flat, const Range& range) {
  return flat.narrow(0, range.begin, range.size());
}

Decay decay(double beta) { return {static_cast<float>(beta), static_cast<float>(1 - beta)}; }

}  // namespace

Optimizer::Optimizer(const OptimizerConfig& config, const Parameters& parameters, bool use_kernels)
    : config_(config), use_kernels_(use_kernels && parameters.values.is_cpu()) {
  const auto zeros = [&] { return at::zeros_like(parameters.values); };
  if (config.kind == OptimizerKind::rmsprop) {
    slots_ = {{"square_avg", zeros()}};
  } else {
    slots_ = {{"exp_avg", zeros()}, {"exp_avg_sq", zeros()}};
  }
}

double Optimizer::clip_and_step(Parameters& parameters, Shards& shards, double lr, double clip_norm) {
  const auto share = [&](int shard) { return shards.share(shard, parameters.values.numel(), grain); };
  std::vector<double> squares(shards.count());
  shards.run([&](int shard) { squares[shard] = add_up(share(shard), parameters); });
  const double norm = std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
  if (!std::isfinite(norm)) return norm;
  step_++;
  // As torch.nn.utils.clip_grad_norm_, its 1e-6 included.
  const double scale = std::min(1.0, clip_norm / (norm + 1e-6));
  shards.run([&](int shard) {
    if (use_kernels_) {
      update_by_kernel(share(shard), parameters, lr, scale);
    } else {
      update(share(shard), parameters, lr, scale);
    }
  });
  return norm;
}

double Optimizer::add_up(const Range& range, Parameters& parameters) const {
  at::NoGradGuard no_grad;
  at::Tensor sum = part(parameters.grads[0], range);
  for (size_t i = 1; i < parameters.grads.size(); i++) {
    const at::Tensor other = part(parameters.grads[i], range);
    if (use_kernels_) {
      kernels().add(sum.mutable_data_ptr<float>(), other.const_data_ptr<float>(), range.size());
    } else {
      sum.add_(other);
    }
  }
  if (use_kernels_) return kernels().sum_of_squares(sum.const_data_ptr<float>(), range.size());
  return std::pow(sum.norm().item<double>(), 2);
}

void Optimizer::update_by_kernel(const Range& range, Parameters& parameters, double lr, double scale) {
  const bool decoupled = config_.kind == OptimizerKind::adamw;
  const Update update{.value = parameters.values.mutable_data_ptr<float>() + range.begin,
                      .grad = parameters.grads[0].const_data_ptr<float>() + range.begin,
                      .n = range.size(),
                      .grad_scale = static_cast<float>(scale),
                      .lr = static_cast<float>(lr),
                      .eps = static_cast<float>(config_.eps),
                      .weight_decay = decoupled ? 0 : static_cast<float>(config_.weight_decay),
                      .shrink = decoupled ? static_cast<float>(1 - lr * config_.weight_decay) : 1};
  const auto average = [&](size_t slot) {
    return slots_[slot].values.mutable_data_ptr<float>() + range.begin;
  };
  if (config_.kind == OptimizerKind::rmsprop) {
    kernels().rmsprop(update, average(0), decay(config_.alpha));
  } else {
    kernels().adam(update, average(0), average(1), decay(config_.beta1), decay(config_.beta2),
                   static_cast<float>(correction(config_.beta1)),
                   static_cast<float>(std::sqrt(correction(config_.beta2))));
  }
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
  at::Tensor square_avg = part(slots_[0].values, range);
  square_avg.mul_(config_.alpha).addcmul_(grads, grads, 1 - config_.alpha);
  values.addcdiv_(grads, square_avg.sqrt().add_(config_.eps), -lr);
}

void Optimizer::adam(const Range& range, at::Tensor& values, const at::Tensor& grads, double lr) {
  at::Tensor exp_avg = part(slots_[0].values, range), exp_avg_sq = part(slots_[1].values, range);
  exp_avg.lerp_(grads, 1 - config_.beta1);
  exp_avg_sq.mul_(config_.beta2).addcmul_(grads, grads, 1 - config_.beta2);
  const at::Tensor denominator =
      exp_avg_sq.sqrt().div_(std::sqrt(correction(config_.beta2))).add_(config_.eps);
  values.addcdiv_(exp_avg, denominator, -lr / correction(config_.beta1));
}

// Adam's averages start at 0 and are too small by this factor.
double Optimizer::correction(double beta) const { return 1 - std::pow(beta, step_); }

void Optimizer::reset() {
  for (Slot& slot : slots_) slot.values.zero_();
  step_ = 0;
}

}  // namespace tangshi
