#include "train/optimizer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/kernels.h"

namespace tangshi {
namespace {

// Squares are summed in chunks of this number of floats, so that the norm does not depend on the number of
// threads.
constexpr int64_t chunk = 1 << 14;

Decay decay(double beta) { return {static_cast<float>(beta), static_cast<float>(1 - beta)}; }

}  // namespace

Optimizer::Optimizer(const OptimizerConfig& config, const Parameters& parameters)
    : config_(config), step_(at::zeros({}, parameters.values.options().dtype(at::kLong))) {
  const auto zeros = [&] { return at::zeros_like(parameters.values); };
  if (config.kind == OptimizerKind::rmsprop) {
    slots_ = {{"square_avg", zeros()}};
  } else {
    slots_ = {{"exp_avg", zeros()}, {"exp_avg_sq", zeros()}};
  }
}

double Optimizer::clip_and_step(Parameters& parameters, const at::Tensor& grads, ThreadPool& pool, double lr,
                                double clip_norm) {
  const int64_t size = parameters.values.numel();
  const float* grad = grads.const_data_ptr<float>();
  std::vector<double> squares((size + chunk - 1) / chunk);
  pool.run([&](int thread) {
    const Range chunks = pool.share(thread, static_cast<int64_t>(squares.size()));
    for (int64_t i = chunks.begin; i < chunks.end; i++)
      squares[i] = kernels().sum_of_squares(grad + i * chunk, std::min(chunk, size - i * chunk));
  });
  const double norm = std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0));
  if (!std::isfinite(norm)) return norm;
  step_.add_(1);
  // Like torch.nn.utils.clip_grad_norm_, including its 1e-6.
  const double scale = std::min(1.0, clip_norm / (norm + 1e-6));
  pool.run([&](int thread) { update(pool.share(thread, size, chunk), parameters, grads, lr, scale); });
  return norm;
}

void Optimizer::update(const Range& range, Parameters& parameters, const at::Tensor& grads, double lr,
                       double scale) {
  const bool decoupled = config_.kind == OptimizerKind::adamw;
  const Update update{.value = parameters.values.mutable_data_ptr<float>() + range.begin,
                      .grad = grads.const_data_ptr<float>() + range.begin,
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
                   static_cast<float>(bias_correction(config_.beta1)),
                   static_cast<float>(std::sqrt(bias_correction(config_.beta2))));
  }
}

// Bias correction: Adam's averages start at 0 and are too small by this factor.
double Optimizer::bias_correction(double beta) const { return 1 - std::pow(beta, step_.item<int64_t>()); }

at::Tensor Optimizer::clip_and_step(Parameters& parameters, const at::Tensor& grads, const at::Tensor& lr,
                                    const at::Tensor& clip_norm) {
  at::NoGradGuard no_grad;
  at::Tensor& values = parameters.values;
  for (at::Tensor* scratch : {&update_, &square_}) {
    if (!scratch->defined()) *scratch = at::empty_like(values);
  }
  const at::Tensor norm = grads.norm(), finite = norm.isfinite(), infinite = finite.logical_not();
  // If the norm is not finite, every factor below becomes that of a step which changes nothing. (Not with
  // at::where, which would copy plain numbers to the device; a graph cannot capture that.)
  const at::Tensor rate = lr.masked_fill(infinite, 0);
  const at::Tensor scale = (clip_norm / (norm + 1e-6)).clamp_max(1).masked_fill_(infinite, 0);
  const auto share = [&](double beta) {
    return at::full({}, 1 - beta, norm.options()).masked_fill_(infinite, 0);
  };
  // Bias correction: Adam's averages start at 0 and are too small by this factor.
  const at::Tensor steps = (step_ + finite).to(at::kDouble);
  const auto correction = [&](double beta) {
    return (1 - at::pow(beta, steps)).masked_fill_(infinite, 1).to(at::kFloat);
  };
  const bool is_rmsprop = config_.kind == OptimizerKind::rmsprop;
  const bool decoupled = config_.kind == OptimizerKind::adamw && config_.weight_decay != 0;
  const at::Tensor take = share(is_rmsprop ? config_.alpha : config_.beta1),
                   take_square = share(config_.beta2);
  const at::Tensor shrink = 1 - rate * config_.weight_decay;
  const at::Tensor first = is_rmsprop ? rate : rate / correction(config_.beta1),
                   second = is_rmsprop ? rate : correction(config_.beta2).sqrt();
  at::where_out(update_, finite, grads, at::zeros({}, grads.options()));
  update_.mul_(scale);
  if (config_.weight_decay != 0 && !decoupled) update_.add_(values, config_.weight_decay);
  at::mul_out(square_, update_, update_);

  step_.add_(finite);
  if (decoupled) values.mul_(shrink);
  if (is_rmsprop) {
    at::sqrt_out(square_, slots_[0].values.lerp_(square_, take));
  } else {
    slots_[0].values.lerp_(update_, take);
    at::sqrt_out(square_, slots_[1].values.lerp_(square_, take_square)).div_(second);
    update_.copy_(slots_[0].values);
  }
  values.sub_(update_.mul_(first).div_(square_.add_(config_.eps)));
  return norm;
}

}  // namespace tangshi
