// The flat optimizers against torch::optim, on gradients of many magnitudes.
#include "train/optimizer.h"

#include <torch/optim/adam.h>
#include <torch/optim/adamw.h>
#include <torch/optim/rmsprop.h>

#include "expect_close.h"

namespace tangshi::test {
namespace {

Parameters of_values(const at::Tensor& values) { return {{}, values.clone()}; }

using Make = std::function<std::unique_ptr<torch::optim::Optimizer>(std::vector<at::Tensor>)>;

// With the kernels or with tensor operations.
double step(Optimizer& optimizer, Parameters& parameters, const at::Tensor& grads, ThreadPool& pool,
            double lr, double clip_norm, bool by_tensors) {
  if (!by_tensors) return optimizer.clip_and_step(parameters, grads, pool, lr, clip_norm);
  return optimizer.clip_and_step(parameters, grads, at::scalar_tensor(lr), at::scalar_tensor(clip_norm))
      .item<double>();
}

// Runs 30 steps of both on the same gradients and compares the weights after each.
void check_against(const OptimizerConfig& config, double lr, const Make& make, bool by_tensors) {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(5);
  const at::Tensor start = at::randn({1000}, generator);
  const at::Tensor magnitude = at::pow(10, at::rand({1000}, generator) * 8 - 6);
  Parameters parameters = of_values(start);
  Optimizer optimizer(config, parameters);
  ThreadPool pool(3);
  at::Tensor theirs = start.clone().requires_grad_();
  const auto reference = make({theirs});
  for (int i = 0; i < 30; i++) {
    const at::Tensor grad = at::randn({1000}, generator) * magnitude;
    theirs.mutable_grad() = grad.clone();
    step(optimizer, parameters, grad, pool, lr, INFINITY, by_tensors);
    reference->step();
    EXPECT_CLOSE(parameters.values, theirs.detach(), 1e-6);
  }
}

void check_against(const OptimizerConfig& config, double lr, const Make& make) {
  for (const bool by_tensors : {false, true}) check_against(config, lr, make, by_tensors);
}

}  // namespace

TEST(optimizer, the_number_of_threads_changes_nothing) {
  constexpr int64_t n = 3 * 16384 + 5;  // several chunks of the norm, several ranges of the update
  for (const OptimizerKind kind : {OptimizerKind::rmsprop, OptimizerKind::adam, OptimizerKind::adamw}) {
    const auto generator = at::make_generator<at::CPUGeneratorImpl>(5);
    const at::Tensor start = at::randn({n}, generator), grad = at::randn({n}, generator);
    const auto run = [&](int threads) {
      Parameters parameters = of_values(start);
      Optimizer optimizer({.kind = kind, .weight_decay = 0.01}, parameters);
      ThreadPool pool(threads);
      const double norm = optimizer.clip_and_step(parameters, grad, pool, 0.01, 1);
      EXPECT(std::abs(norm / grad.to(at::kDouble).norm().item<double>() - 1) < 1e-6);
      optimizer.clip_and_step(parameters, grad, pool, 0.01, 1);
      return at::cat({parameters.values, optimizer.slots()[0].values});
    };
    const at::Tensor one = run(1);
    EXPECT(one.narrow(0, 0, n).ne(start).all().item<bool>());
    for (const int threads : {2, 3, 7}) EXPECT(run(threads).equal(one));
  }
}

TEST(optimizer, rmsprop_matches_torch) {
  check_against({.alpha = 0.95, .eps = 1e-7, .weight_decay = 0.01}, 0.01, [](std::vector<at::Tensor> p) {
    return std::make_unique<torch::optim::RMSprop>(
        p, torch::optim::RMSpropOptions(0.01).alpha(0.95).eps(1e-7).weight_decay(0.01));
  });
}

TEST(optimizer, adam_matches_torch) {
  check_against({.kind = OptimizerKind::adam, .beta1 = 0.8, .beta2 = 0.99, .weight_decay = 0.01}, 0.003,
                [](std::vector<at::Tensor> p) {
                  return std::make_unique<torch::optim::Adam>(
                      p, torch::optim::AdamOptions(0.003).betas({0.8, 0.99}).weight_decay(0.01));
                });
}

TEST(optimizer, adamw_matches_torch) {
  check_against({.kind = OptimizerKind::adamw, .weight_decay = 0.1}, 0.003, [](std::vector<at::Tensor> p) {
    return std::make_unique<torch::optim::AdamW>(p, torch::optim::AdamWOptions(0.003).weight_decay(0.1));
  });
}

TEST(optimizer, clips_to_the_norm_and_reports_the_norm_before_clipping) {
  const at::Tensor grad = at::tensor({3.0f, 0.0f, 4.0f, 0.0f});
  for (const bool by_tensors : {false, true}) {
    for (const double clip_norm : {1.0, 7.0}) {
      Parameters parameters = of_values(at::zeros({4}));
      Optimizer optimizer({.alpha = 0}, parameters);  // keeps the square of the last gradient
      ThreadPool pool(2);
      EXPECT_EQ(step(optimizer, parameters, grad, pool, 0, clip_norm, by_tensors), 5.0);
      const at::Tensor clipped = grad * std::min(1.0, clip_norm / 5);
      EXPECT_CLOSE(optimizer.slots()[0].values, clipped * clipped, 1e-6);
    }
  }
}

TEST(optimizer, a_nonfinite_gradient_changes_nothing) {
  const std::vector<OptimizerConfig> configs = {{.weight_decay = 0.1},
                                                {.kind = OptimizerKind::adam},
                                                {.kind = OptimizerKind::adamw, .weight_decay = 0.1}};
  for (const OptimizerConfig& config : configs) {
    for (const bool by_tensors : {false, true}) {
      for (const int good_steps : {0, 2}) {
        Parameters parameters = of_values(at::ones({3}));
        Optimizer optimizer(config, parameters);
        ThreadPool pool(2);
        for (int i = 0; i < good_steps; i++) {
          step(optimizer, parameters, at::tensor({1.0f, -2.0f, 1.0f}), pool, 0.1, 1, by_tensors);
        }
        const at::Tensor values = parameters.values.clone();
        std::vector<at::Tensor> averages;
        for (const auto& slot : optimizer.slots()) averages.push_back(slot.values.clone());
        for (const float bad : {NAN, INFINITY}) {
          const at::Tensor grad = at::tensor({1.0f, bad, 1.0f});
          EXPECT(!std::isfinite(step(optimizer, parameters, grad, pool, 1, 1, by_tensors)));
        }
        EXPECT(parameters.values.equal(values));
        EXPECT_EQ(optimizer.step().item<int64_t>(), good_steps);
        for (size_t i = 0; i < averages.size(); i++) EXPECT(optimizer.slots()[i].values.equal(averages[i]));
      }
    }
  }
}

}  // namespace tangshi::test
