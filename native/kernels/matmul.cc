#include "kernels.h"
#include "simd.h"
#include "tiles.h"

namespace tangshi::LEVEL {
namespace {

template <typename Weight>
void matmul_of(const Weight* w, const PanelView& layer, const float* x, int64_t x_stride, int64_t rows,
               float* out, int64_t out_stride) {
  for (int64_t p = 0; p < layer.panels; p++, w += layer.inputs * panel_width) {
    each_tile<tile_rows>(rows, [&](auto count, int64_t r) {
      // A single row needs many sums, to hide the latency of addition.
      constexpr int panel = panel_width / width, most = panel < 8 ? panel : 8;
      constexpr int vectors = count.value == 1 ? most : tile_vectors;
      for (int64_t at = 0; at < panel_width; at += vectors * width) {
        const float* bias = layer.bias + p * panel_width + at;
        tile<count.value, vectors>(
            {x + r * x_stride, x_stride, 1}, Rows<Weight>{w + at, panel_width, 0}, layer.inputs, 1,
            [&](int, int v) { return load(bias + v * width); }, vectors * width,
            out + r * out_stride + p * panel_width + at, out_stride);
      }
    });
  }
}

}  // namespace

void multiply(const Product& p) { multiply_of<Single>(p); }

void matmul(const PanelView& layer, const float* x, int64_t x_stride, int64_t rows, float* out,
            int64_t out_stride) {
  if (layer.f16 != nullptr) {
    matmul_of(layer.f16, layer, x, x_stride, rows, out, out_stride);
  } else {
    matmul_of(layer.f32, layer, x, x_stride, rows, out, out_stride);
  }
}

}  // namespace tangshi::LEVEL
