// Vectors as wide as the level's registers, using the vector extensions of GCC and Clang. Everything here is
// in the namespace of the level, and nothing from the standard library is used: the linker could pick an
// inline function compiled for another level, with instructions that the CPU lacks.
#pragma once

#include <stdint.h>

#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace tangshi::LEVEL {

#if defined(__AVX512F__)
constexpr int width = 16;
#elif defined(__AVX2__)
constexpr int width = 8;
#else
constexpr int width = 4;
#endif

typedef float Vec __attribute__((vector_size(width * 4)));
typedef int32_t Ints __attribute__((vector_size(width * 4)));
typedef float LooseVec __attribute__((vector_size(width * 4), aligned(4), may_alias));
typedef uint16_t LooseHalves __attribute__((vector_size(width * 2), aligned(2), may_alias));

inline Vec splat(float x) { return Vec{} + x; }
inline Vec load(const float* p) { return *reinterpret_cast<const LooseVec*>(p); }
inline void store(float* p, Vec v) { *reinterpret_cast<LooseVec*>(p) = v; }

// Half precision to single, for finite values.
inline Vec load(const uint16_t* p) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vec>(_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
#elif defined(__F16C__)
  return reinterpret_cast<Vec>(_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#else
  // Taken as those of a float, exponent and fraction are too small by a factor of 2^112, also for subnormals.
  const Ints bits = __builtin_convertvector(*reinterpret_cast<const LooseHalves*>(p), Ints);
  const Vec magnitude = reinterpret_cast<Vec>((bits & 0x7fff) << 13) * splat(0x1p112f);
  return reinterpret_cast<Vec>(reinterpret_cast<Ints>(magnitude) | ((bits & 0x8000) << 16));
#endif
}

// Loads the first `count` elements, and sets the others to `fill`.
inline Vec load(const float* p, int64_t count, float fill) {
  if (count == width) return load(p);
  Vec v = splat(fill);
  for (int64_t i = 0; i < count; i++) v[i] = p[i];
  return v;
}
inline void store(float* p, Vec v, int64_t count) {
  if (count == width) return store(p, v);
  for (int64_t i = 0; i < count; i++) p[i] = v[i];
}

// Calls body(offset, count) for each vector of n elements. count is the vector width except for the last.
template <typename Body>
inline void each_vector(int64_t n, Body body) {
  int64_t i = 0;
  for (; i + width <= n; i += width) body(i, static_cast<int64_t>(width));
  if (i < n) body(i, n - i);
}

inline float sum(Vec v) {
  float total = 0;
  for (int i = 0; i < width; i++) total += v[i];
  return total;
}
inline Vec max(Vec a, Vec b) { return a > b ? a : b; }

inline Vec sqrt(Vec v) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vec>(_mm512_sqrt_ps(reinterpret_cast<__m512>(v)));
#elif defined(__AVX2__)
  return reinterpret_cast<Vec>(_mm256_sqrt_ps(reinterpret_cast<__m256>(v)));
#else
  for (int i = 0; i < width; i++) v[i] = __builtin_sqrtf(v[i]);
  return v;
#endif
}

// Accurate to 2 units in the last place; 0 below the smallest normal number. Cephes' polynomial (Moshier,
// expf).
inline Vec exp(Vec x) {
  const Vec low = splat(-87.3f), high = splat(88.3f);
  const Vec y = x > high ? high : (x < low ? low : x);
  const Vec shifted = y * 1.44269504f + 12582912.0f;  // the integer part is in the lowest bits
  const Vec n = shifted - 12582912.0f;
  const Vec r = y - n * 0.693359375f - n * -2.12194440e-4f;
  Vec p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const Ints power = reinterpret_cast<Ints>(shifted) << 23;
  const Vec value = reinterpret_cast<Vec>(reinterpret_cast<Ints>(p) + power);
  return x < low ? splat(0) : value;
}

inline Vec sigmoid(Vec x) { return 1.0f / (1.0f + exp(-x)); }

// Accurate to 4 units in the last place. Near 0, where 1 - exp(-2x) would lose its digits, uses Cephes'
// polynomial (Moshier, tanhf).
inline Vec tanh(Vec x) {
  const Vec size = x < 0.0f ? -x : x, e = exp(-2.0f * size), square = x * x;
  const Vec far = (1.0f - e) / (1.0f + e);
  Vec p = splat(-5.70498872745e-3f);
  p = p * square + 2.06390887954e-2f;
  p = p * square + -5.37397155531e-2f;
  p = p * square + 1.33314422036e-1f;
  p = p * square + -3.33332819422e-1f;
  const Vec near = size + size * square * p;
  const Vec magnitude = size < 0.625f ? near : far;
  return x < 0.0f ? -magnitude : magnitude;
}

}  // namespace tangshi::LEVEL
