#include "sample/packed_linear.h"

#include <algorithm>
#include <cmath>

#include "sample/half.h"

namespace tangshi {
namespace {

// Number of panels a thread takes at a time: a few microseconds of work.
constexpr int64_t panels_per_piece = 4;

PanelView part(const PanelView& all, int64_t first, int64_t count) {
  const int64_t offset = first * all.inputs * panel_width;
  return {.f32 = all.f32 == nullptr ? nullptr : all.f32 + offset,
          .f16 = all.f16 == nullptr ? nullptr : all.f16 + offset,
          .bias = all.bias + first * panel_width,
          .inputs = all.inputs,
          .panels = count};
}

bool fits_half(std::span<const float> weights) {
  return std::all_of(weights.begin(), weights.end(), [](float w) { return std::abs(w) <= largest_half; });
}

// [outputs, inputs] -> [panels, inputs, panel_width], converting each element.
template <typename Element, typename Convert>
void pack(std::span<const float> weight, int64_t inputs, int64_t panels, AlignedVector<Element>& packed,
          Convert convert) {
  packed.assign(panels * inputs * panel_width, Element{});
  const int64_t outputs = static_cast<int64_t>(weight.size()) / inputs;
  for (int64_t output = 0; output < outputs; output++) {
    const float* row = weight.data() + output * inputs;
    Element* column = packed.data() + output / panel_width * inputs * panel_width + output % panel_width;
    for (int64_t i = 0; i < inputs; i++) column[i * panel_width] = convert(row[i]);
  }
}

}  // namespace

PackedLinear::PackedLinear(std::span<const float> weight, std::span<const float> bias, bool half)
    : inputs_(static_cast<int64_t>(weight.size() / bias.size())),
      panels_((static_cast<int64_t>(bias.size()) + panel_width - 1) / panel_width),
      bias_(bias.begin(), bias.end()) {
  bias_.resize(panels_ * panel_width);
  if (half && fits_half(weight)) {
    pack(weight, inputs_, panels_, halves_, float_to_half);
  } else {
    pack(weight, inputs_, panels_, singles_, [](float w) { return w; });
  }
}

void PackedLinear::operator()(const float* x, int64_t x_stride, int64_t rows, float* out,
                              SpinPool& pool) const {
  const PanelView all = view();
  pool.each((panels_ + panels_per_piece - 1) / panels_per_piece, [&](int64_t piece) {
    const int64_t first = piece * panels_per_piece, count = std::min(panels_per_piece, panels_ - first);
    kernels().matmul(part(all, first, count), x, x_stride, rows, out + first * panel_width, width());
  });
}

PanelView PackedLinear::view() const {
  return {.f32 = halves_.empty() ? singles_.data() : nullptr,
          .f16 = halves_.empty() ? nullptr : halves_.data(),
          .bias = bias_.data(),
          .inputs = inputs_,
          .panels = panels_};
}

}  // namespace tangshi
