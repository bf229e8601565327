#include "kernels.h"
#include "simd.h"

namespace tangshi::LEVEL {
namespace {

constexpr int panel = panel_width / width;  // vectors of a panel

// Registers for sums: a tile of rows x vectors must leave some for weights and inputs.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int tile_rows = 6, tile_vectors = 4;
#else
constexpr int tile_rows = 6, tile_vectors = 2;
#endif
// A single row wants many sums, to hide the latency of adding.
constexpr int row_vectors = panel < 8 ? panel : 8;

template <int rows, int vectors, typename Weight>
void tile(const Weight* w, const float* bias, int64_t inputs, const float* x, int64_t x_stride, float* out,
          int64_t out_stride) {
  Vec sums[rows][vectors];
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < vectors; v++) sums[r][v] = load(bias + v * width);
  }
  for (int64_t i = 0; i < inputs; i++, w += panel_width) {
    Vec weights[vectors];
    for (int v = 0; v < vectors; v++) weights[v] = load(w + v * width);
    for (int r = 0; r < rows; r++) {
      const Vec input = splat(x[r * x_stride + i]);
      for (int v = 0; v < vectors; v++) sums[r][v] += input * weights[v];
    }
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < vectors; v++) store(out + r * out_stride + v * width, sums[r][v]);
  }
}

template <int rows, typename Weight>
void across_panel(const Weight* w, const float* bias, int64_t inputs, const float* x, int64_t x_stride,
                  float* out, int64_t out_stride) {
  constexpr int vectors = rows == 1 ? row_vectors : tile_vectors;
  for (int v = 0; v < panel; v += vectors) {
    const int64_t at = v * width;
    tile<rows, vectors>(w + at, bias + at, inputs, x, x_stride, out + at, out_stride);
  }
}

template <typename Weight>
void matmul_of(const Weight* w, const PanelView& layer, const float* x, int64_t x_stride, int64_t rows,
               float* out, int64_t out_stride) {
  for (int64_t p = 0; p < layer.panels; p++) {
    const Weight* weights = w + p * layer.inputs * panel_width;
    const float* bias = layer.bias + p * panel_width;
    const auto some_rows = [&](auto across, int64_t r) {
      across(weights, bias, layer.inputs, x + r * x_stride, x_stride, out + r * out_stride + p * panel_width,
             out_stride);
    };
    int64_t r = 0;
    for (; r + tile_rows <= rows; r += tile_rows) some_rows(across_panel<tile_rows, Weight>, r);
    switch (rows - r) {
      case 5:
        some_rows(across_panel<5, Weight>, r);
        break;
      case 4:
        some_rows(across_panel<4, Weight>, r);
        break;
      case 3:
        some_rows(across_panel<3, Weight>, r);
        break;
      case 2:
        some_rows(across_panel<2, Weight>, r);
        break;
      case 1:
        some_rows(across_panel<1, Weight>, r);
        break;
    }
  }
}

}  // namespace

void matmul(const PanelView& layer, const float* x, int64_t x_stride, int64_t rows, float* out,
            int64_t out_stride) {
  if (layer.f16 != nullptr) {
    matmul_of(layer.f16, layer, x, x_stride, rows, out, out_stride);
  } else {
    matmul_of(layer.f32, layer, x, x_stride, rows, out, out_stride);
  }
}

}  // namespace tangshi::LEVEL
