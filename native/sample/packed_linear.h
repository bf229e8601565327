// A linear layer in the layout used by the kernels.
#pragma once

#include <span>

#include "kernels/aligned.h"
#include "kernels/kernels.h"
#include "parallel/spin_pool.h"

namespace tangshi {

class PackedLinear {
 public:
  // weight: [outputs, inputs], bias: [outputs]. With `half`, the weights are stored in half precision, unless
  // one of them is too large.
  PackedLinear(std::span<const float> weight, std::span<const float> bias, bool half);

  // x: [rows, inputs] -> out: [rows, width()]; columns beyond the outputs are 0.
  void operator()(const float* x, int64_t x_stride, int64_t rows, float* out, SpinPool& pool) const;

  PanelView view() const;
  int64_t width() const { return panels_ * panel_width; }

 private:
  int64_t inputs_, panels_;
  AlignedVector<float> singles_;    // [panels, inputs, panel_width], or empty if
  AlignedVector<uint16_t> halves_;  // these hold the same in half precision
  AlignedVector<float> bias_;       // [panels x panel_width]
};

}  // namespace tangshi
