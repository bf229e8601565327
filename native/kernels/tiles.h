// Matrix products in tiles whose sums stay in registers.
#pragma once

#include "kernels.h"
#include "simd.h"

namespace tangshi::LEVEL {

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

// Multiplies numbers in single precision.
struct Single {
  static Vec splat(const float* x) { return LEVEL::splat(*x); }
  static Vec add_product(Vec sum, Vec x, Vec w) { return sum + x * w; }
};

// Sums of a tile, one product at a time in the order of b and k. start(r, v): initial value of sum r of
// vector v. The last vector may have fewer than `width` columns.
template <int rows, int vectors, typename Numbers = Single, typename Weight, typename Start>
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
        const Vec input = Numbers::splat(scalar + r * x.row);
        for (int v = 0; v < vectors; v++) sums[r][v] = Numbers::add_product(sums[r][v], input, weights[v]);
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
template <typename Numbers, int vectors>
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
    tile<rows.value, vectors, Numbers>(x, Rows<float>{p.w.first + column, p.w.row, p.w.block}, p.count,
                                       p.blocks, start, columns, out, p.out_stride);
  });
  return columns;
}

template <typename Numbers>
void multiply_of(const Product& p) {
  for (int64_t column = 0; column < p.columns;) {
    const int64_t left = p.columns - column;
    if (left >= tile_width) {
      column += strip<Numbers, tile_vectors>(p, column, tile_width);
    } else if (left > width) {
      column += strip<Numbers, 2>(p, column, left < 2 * width ? left : 2 * width);
    } else {
      column += strip<Numbers, 1>(p, column, left);
    }
  }
}

}  // namespace tangshi::LEVEL
