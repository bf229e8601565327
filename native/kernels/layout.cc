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

void transpose(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
               int64_t to_stride) {
  constexpr int64_t block = 16;  // both sides of it stay in cache
  for (int64_t r = 0; r < rows; r += block) {
    const int64_t r_end = r + block < rows ? r + block : rows;
    for (int64_t c = 0; c < columns; c += block) {
      const int64_t c_end = c + block < columns ? c + block : columns;
      for (int64_t i = c; i < c_end; i++) {
        for (int64_t j = r; j < r_end; j++) to[i * to_stride + j] = from[j * from_stride + i];
      }
    }
  }
}

}  // namespace tangshi::LEVEL
