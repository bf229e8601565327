// Prints the peak throughput of one core in GFLOP/s: float32 multiply-adds that stay in registers.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <numeric>

namespace {

// Number of independent sums: at least latency x units of the CPU, but no more than its registers.
#if defined(__aarch64__)
constexpr int chains = 24;
#else
constexpr int chains = 12;
#endif
constexpr long steps = 200'000;
constexpr int floats_of_cache_line = 16;
constexpr auto duration = std::chrono::milliseconds(100);  // of each variant

// A macro, because a template would first be compiled for the baseline CPU. WIDTH in floats.
#define MULTIPLY_ADDS(NAME, WIDTH, TARGET)                                    \
  TARGET double NAME(float factor, float* out) {                              \
    typedef float Vector __attribute__((vector_size(WIDTH * sizeof(float)))); \
    Vector sums[chains];                                                      \
    const Vector a = factor - Vector{}, b = 1 - Vector{};                     \
    /* If equal, the compiler would merge them. */                            \
    for (int i = 0; i < chains; i++) sums[i] = out[i] - Vector{};             \
    for (long step = 0; step < steps; step++) {                               \
      _Pragma("GCC unroll 32") for (Vector& sum : sums) sum = sum * a + b;    \
    }                                                                         \
    for (const Vector& sum : sums) {                                          \
      for (int i = 0; i < WIDTH; i++) out[i] += sum[i];                       \
    }                                                                         \
    return 2.0 * WIDTH * chains * steps;                                      \
  }

MULTIPLY_ADDS(portable, 4, )
#if defined(__x86_64__)
MULTIPLY_ADDS(avx2, 8, __attribute__((target("avx2,fma"))))
MULTIPLY_ADDS(avx512, 16, __attribute__((target("avx512f"))))
#endif

// The fastest of many short runs, so that interruptions do not lower the floor.
double gflops(double (*way)(float, float*)) {
  using clock = std::chrono::steady_clock;
  volatile float factor = 0.5f;  // unknown to the compiler
  float out[floats_of_cache_line];
  std::iota(std::begin(out), std::end(out), 0.0f);
  double best = 0;
  for (const auto end = clock::now() + duration; clock::now() < end;) {
    const auto start = clock::now();
    const double flop = way(factor, out);
    best = std::max(best, flop / std::chrono::duration<double>(clock::now() - start).count());
  }
  volatile float used = out[0];
  (void)used;
  return best / 1e9;
}

}  // namespace

int main() {
  double best = gflops(portable);
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) best = std::max(best, gflops(avx2));
  if (__builtin_cpu_supports("avx512f")) best = std::max(best, gflops(avx512));
#endif
  std::printf("%.1f\n", best);
}
