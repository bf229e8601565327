#include "kernels.h"
#include "simd.h"

namespace tangshi::LEVEL {

void add_row_sums(const float* x, int64_t x_stride, int64_t rows, int64_t columns, float* sums) {
  for (int64_t r = 0; r < rows; r++, x += x_stride) {
    Vec total = {};
    each_vector(columns, [&](int64_t at, int64_t count) { total += load(x + at, count, 0); });
    sums[r] += sum(total);
  }
}

namespace {

typedef float Four __attribute__((vector_size(16)));
typedef float LooseFour __attribute__((vector_size(16), aligned(4), may_alias));

// 4 x 4.
inline void transpose_square(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  Four rows[4];
  for (int i = 0; i < 4; i++) rows[i] = *reinterpret_cast<const LooseFour*>(from + i * from_stride);
  const Four low01 = __builtin_shufflevector(rows[0], rows[1], 0, 4, 1, 5);
  const Four low23 = __builtin_shufflevector(rows[2], rows[3], 0, 4, 1, 5);
  const Four high01 = __builtin_shufflevector(rows[0], rows[1], 2, 6, 3, 7);
  const Four high23 = __builtin_shufflevector(rows[2], rows[3], 2, 6, 3, 7);
  const Four columns[4] = {__builtin_shufflevector(low01, low23, 0, 1, 4, 5),
                           __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
                           __builtin_shufflevector(high01, high23, 0, 1, 4, 5),
                           __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
  for (int i = 0; i < 4; i++) *reinterpret_cast<LooseFour*>(to + i * to_stride) = columns[i];
}

}  // namespace

void transpose(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
               int64_t to_stride) {
  const int64_t whole_rows = rows / 4 * 4, whole_columns = columns / 4 * 4;
  for (int64_t c = 0; c < columns; c++) {
    if (c % 4 == 0 && c < whole_columns) {
      for (int64_t r = 0; r < whole_rows; r += 4) {
        transpose_square(from + r * from_stride + c, from_stride, to + c * to_stride + r, to_stride);
      }
    }
    for (int64_t r = c < whole_columns ? whole_rows : 0; r < rows; r++) {
      to[c * to_stride + r] = from[r * from_stride + c];
    }
  }
}

}  // namespace tangshi::LEVEL
