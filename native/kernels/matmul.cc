#include "kernels.h"
#include "simd.h"

namespace tangshi::LEVEL {
namespace {

// Number of registers for sums: a tile of rows x vectors must leave some for the factors.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int tile_rows = 6, tile_vectors = 4;
#elif defined(__wasm__)  // V8 keeps one of 16 registers, and a product needs another: 15% faster than 6 x 2
constexpr int tile_rows = 4, tile_vectors = 2;
#else
constexpr int tile_rows = 6, tile_vectors = 2;
#endif
constexpr int64_t tile_width = tile_vectors * width;

template <typename Weight>
struct Rows {
  const Weight* first;
  int64_t row, block;
};

// Sums of a tile, one product at a time in the order of b and k. start(r, v): initial value of sum r of
// vector v. The last vector may have fewer than `width` columns.
template <int rows, int vectors, typename Weight, typename Start>
inline void tile(const Scalars& x, const Rows<Weight>& w, int64_t count, int64_t blocks, Start start,
                 int64_t columns, float* out, int64_t out_stride) {
  Vec sums[rows][vectors];
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < vectors; v++) {
      __builtin_prefetch(out + r * out_stride + v * width, 1);
      sums[r][v] = start(r, v);
    }
  }
  for (int64_t b = 0; b < blocks; b++) {
    const float* scalar = x.first + b * x.block;
    const Weight* row = w.first + b * w.block;
    for (int64_t k = 0; k < count; k++, row += w.row, scalar += x.step) {
      Vec weights[vectors];
      for (int v = 0; v < vectors; v++) weights[v] = load(row + v * width);
      for (int r = 0; r < rows; r++) {
        const Vec input = splat(scalar[r * x.row]);
        for (int v = 0; v < vectors; v++) sums[r][v] += input * weights[v];
      }
    }
  }
  for (int r = 0; r < rows; r++) {
    for (int v = 0; v < vectors - 1; v++) store(out + r * out_stride + v * width, sums[r][v]);
    constexpr int64_t last = (vectors - 1) * width;
    store(out + r * out_stride + last, sums[r][vectors - 1], columns - last);
  }
}

template <int count>
struct Constant {
  static constexpr int value = count;
};

// Calls body(Constant<rows>(), first row) for tiles of `most` rows, then of six, then one for the rest.
template <int most, typename Body>
inline void each_tile(int64_t rows, Body body) {
  int64_t r = 0;
  for (; r + most <= rows; r += most) body(Constant<most>(), r);
  if (most > tile_rows && r + tile_rows <= rows) {
    body(Constant<tile_rows>(), r);
    r += tile_rows;
  }
  switch (rows - r) {
    case 5:
      return body(Constant<5>(), r);
    case 4:
      return body(Constant<4>(), r);
    case 3:
      return body(Constant<3>(), r);
    case 2:
      return body(Constant<2>(), r);
    case 1:
      return body(Constant<1>(), r);
  }
}

// Returns the number of columns done.
template <int vectors>
int64_t strip(const Product& p, int64_t column, int64_t columns) {
  // Narrow tiles have more rows, to use all registers.
  constexpr int fitting = tile_rows * tile_vectors / vectors, most = fitting < 12 ? fitting : 12;
  each_tile<most>(p.rows, [&](auto rows, int64_t r) {
    Scalars x = p.x;
    x.first += r * x.row;
    float* out = p.out + r * p.out_stride + column;
    const auto start = [&](int row, int v) {
      if (p.start != nullptr) return splat(p.start[r + row]);
      const int64_t left = columns - v * width;
      return load(out + row * p.out_stride + v * width, left < width ? left : width, 0);
    };
    tile<rows.value, vectors>(x, Rows<float>{p.w.first + column, p.w.row, p.w.block}, p.count, p.blocks,
                              start, columns, out, p.out_stride);
  });
  return columns;
}

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

void multiply(const Product& p) {
  for (int64_t column = 0; column < p.columns;) {
    const int64_t left = p.columns - column;
    if (left >= tile_width) {
      column += strip<tile_vectors>(p, column, tile_width);
    } else if (left > width) {
      column += strip<2>(p, column, left < 2 * width ? left : 2 * width);
    } else {
      column += strip<1>(p, column, left);
    }
  }
}

void matmul(const PanelView& layer, const float* x, int64_t x_stride, int64_t rows, float* out,
            int64_t out_stride) {
  if (layer.f16 != nullptr) {
    matmul_of(layer.f16, layer, x, x_stride, rows, out, out_stride);
  } else {
    matmul_of(layer.f32, layer, x, x_stride, rows, out, out_stride);
  }
}

}  // namespace tangshi::LEVEL
