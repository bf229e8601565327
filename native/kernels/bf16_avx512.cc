// The kernels for AVX512_BF16.
#include <immintrin.h>

#include "bf16.h"
#include "tiles.h"

namespace tangshi::LEVEL {

void transpose(const float*, int64_t, int64_t, int64_t, float*, int64_t);

namespace {

// Multiplies pairs. A pair is loaded and broadcast as an integer: as a float it could be a denormal number or
// NaN.
struct Pairs {
  static Vec splat(const float* x) {
    typedef int32_t Word __attribute__((may_alias));
    return reinterpret_cast<Vec>(Ints{} + *reinterpret_cast<const Word*>(x));
  }
  static Vec add_product(Vec sum, Vec x, Vec w) {
    return reinterpret_cast<Vec>(_mm512_dpbf16_ps(
        reinterpret_cast<__m512>(sum), reinterpret_cast<__m512bh>(x), reinterpret_cast<__m512bh>(w)));
  }
};

__mmask16 first_lanes(int64_t count) { return static_cast<__mmask16>((1u << count) - 1); }

// Up to 16 floats; 0 for the others.
__m512 load_floats(const float* from, int64_t count) {
  return count >= width ? _mm512_loadu_ps(from)
         : count <= 0   ? __m512{}
                        : _mm512_maskz_loadu_ps(first_lanes(count), from);
}

void store_words(float* to, __m512i words, int64_t count) {
  if (count >= width) return _mm512_storeu_si512(to, words);
  _mm512_mask_storeu_epi32(to, first_lanes(count), words);
}

// 16 numbers, each in the lower half of a word.
__m512i lower_halves(__m512 numbers) {
  return _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(numbers)));
}

void multiply(const Product& product) { multiply_of<Pairs>(product); }

void pair_rows(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
               int64_t to_stride) {
  for (int64_t r = 0; r < rows; r += 2, from += 2 * from_stride, to += to_stride) {
    for (int64_t c = 0; c < columns; c += width) {
      const int64_t count = columns - c;
      const __m512 first = load_floats(from + c, count);
      const __m512 second = r + 1 < rows ? load_floats(from + from_stride + c, count) : __m512{};
      store_words(to + c, _mm512_or_si512(lower_halves(first), _mm512_slli_epi32(lower_halves(second), 16)),
                  count);
    }
  }
}

void pair_columns(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                  int64_t to_stride) {
  for (int64_t r = 0; r < rows; r++, from += from_stride, to += to_stride) {
    for (int64_t c = 0; c < columns; c += 2 * width) {
      const int64_t count = columns - c;
      const __m512 low = load_floats(from + c, count), high = load_floats(from + c + width, count - width);
      store_words(to + c / 2, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)), (count + 1) / 2);
    }
  }
}

void transpose_pairs(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                     int64_t to_stride) {
  constexpr int64_t side = width;
  for (int64_t r = 0; r < rows; r += side) {
    const int64_t height = rows - r < side ? rows - r : side;
    for (int64_t c = 0; c < columns; c += 2 * side) {
      const int64_t count = columns - c < 2 * side ? columns - c : 2 * side, words = (count + 1) / 2;
      alignas(64) float block[side * side];
      pair_columns(from + r * from_stride + c, from_stride, height, count, block, side);
      transpose(block, side, height, words, to + c / 2 * to_stride + r, to_stride);
    }
  }
}

}  // namespace

extern const Bf16Kernels table;
const Bf16Kernels table = {.multiply = multiply,
                           .pair_rows = pair_rows,
                           .pair_columns = pair_columns,
                           .transpose_pairs = transpose_pairs};

}  // namespace tangshi::LEVEL
