#include "packed.h"

#include <limits>

namespace tangshi {

PackedLinear::PackedLinear(const at::Tensor& weight, const at::Tensor& bias, bool half)
    : inputs_(weight.size(1)), panels_((weight.size(0) + panel_width - 1) / panel_width) {
  const int64_t missing = panels_ * panel_width - weight.size(0);
  const at::Tensor padded = at::constant_pad_nd(weight.detach().cpu(), {0, 0, 0, missing});
  weights_ = padded.view({panels_, panel_width, inputs_}).transpose(1, 2).contiguous();
  bias_ = at::constant_pad_nd(bias.detach().cpu(), {0, missing}).contiguous();
  const bool fits = weights_.abs().max().item<float>() <= std::numeric_limits<c10::Half>::max();
  if (half && fits) weights_ = weights_.to(at::kHalf);
}

PanelView PackedLinear::view() const {
  const bool half = weights_.scalar_type() == at::kHalf;
  return {.f32 = half ? nullptr : weights_.const_data_ptr<float>(),
          .f16 = half ? reinterpret_cast<const uint16_t*>(weights_.const_data_ptr<c10::Half>()) : nullptr,
          .bias = bias_.const_data_ptr<float>(),
          .inputs = inputs_,
          .panels = panels_};
}

}  // namespace tangshi
