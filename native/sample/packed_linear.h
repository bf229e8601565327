// A linear layer in the layout that the kernels multiply with.
#pragma once

#include "kernels/kernels.h"
#include "libtorch.h"
#include "parallel/spin_pool.h"

namespace tangshi {

class PackedLinear {
 public:
  // weight: [outputs, inputs], bias: [outputs], on any device. With `half` the weights are kept in 16 bits
  // (IEEE 754 half precision), unless one of them is too large for that.
  PackedLinear(const at::Tensor& weight, const at::Tensor& bias, bool half);

  // x: [rows, inputs] -> out: [rows, width()]; columns beyond the outputs are 0.
  void operator()(const float* x, int64_t x_stride, int64_t rows, float* out, SpinPool& team) const;

  PanelView view() const;
  int64_t width() const { return panels_ * panel_width; }

 private:
  int64_t inputs_, panels_;
  at::Tensor weights_;  // [panels, inputs, panel_width]
  at::Tensor bias_;     // [panels x panel_width]
};

}  // namespace tangshi
