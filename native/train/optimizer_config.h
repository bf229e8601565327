// The settings of an optimizer, without libtorch.
#pragma once

namespace tangshi {

enum class OptimizerKind { rmsprop, adam, adamw };

struct OptimizerConfig {
  OptimizerKind kind = OptimizerKind::rmsprop;
  double alpha = 0.99;                // RMSprop: decay rate of the squared gradient
  double beta1 = 0.9, beta2 = 0.999;  // Adam: decay rates of the gradient and of its square
  double eps = 1e-8;
  double weight_decay = 0;  // times the weight, added to the gradient; AdamW shrinks the weight directly
};

}  // namespace tangshi
