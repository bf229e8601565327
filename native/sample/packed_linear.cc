#include "sample/packed_linear.h"

#include <algorithm>
#include <limits>

namespace tangshi {
namespace {

// Panels that a thread takes at a time: a few microseconds of work.
constexpr int64_t piece_panels = 4;

PanelView part(const PanelView& all, int64_t first, int64_t count) {
  const int64_t at = first * all.inputs * panel_width;
  return {.f32 = all.f32 == nullptr ? nullptr : all.f32 + at,
          .f16 = all.f16 == nullptr ? nullptr : all.f16 + at,
          .bias = all.bias + first * panel_width,
          .inputs = all.inputs,
          .panels = count};
}

}  // namespace

PackedLinear::PackedLinear(const at::Tensor& weight, const at::Tensor& bias, bool half)
    : inputs_(weight.size(1)), panels_((weight.size(0) + panel_width - 1) / panel_width) {
  const int64_t missing = panels_ * panel_width - weight.size(0);
  const at::Tensor padded = at::constant_pad_nd(weight.detach().cpu(), {0, 0, 0, missing});
  weights_ = padded.view({panels_, panel_width, inputs_}).transpose(1, 2).contiguous();
  bias_ = at::constant_pad_nd(bias.detach().cpu(), {0, missing}).contiguous();
  const bool fits = weights_.abs().max().item<float>() <= std::numeric_limits<c10::Half>::max();
  if (half && fits) weights_ = weights_.to(at::kHalf);
}

void PackedLinear::operator()(const float* x, int64_t x_stride, int64_t rows, float* out,
                              SpinPool& team) const {
  const PanelView all = view();
  team.each((panels_ + piece_panels - 1) / piece_panels, [&](int64_t piece) {
    const int64_t first = piece * piece_panels, count = std::min(piece_panels, panels_ - first);
    kernels().matmul(part(all, first, count), x, x_stride, rows, out + first * panel_width, width());
  });
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
