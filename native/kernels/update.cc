#include "kernels.h"
#include "simd.h"

namespace tangshi::LEVEL {

// The finalizer of MurmurHash3 decides for each element.
void dropout(float* x, int64_t n, uint32_t first, uint32_t key, uint32_t threshold, float scale) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t hash = (first + static_cast<uint32_t>(i)) * 0x9E3779B1u ^ key;
    hash = (hash ^ hash >> 16) * 0x85EBCA6Bu;
    hash = (hash ^ hash >> 13) * 0xC2B2AE35u;
    hash ^= hash >> 16;
    x[i] = hash < threshold ? 0 : x[i] * scale;
  }
}
namespace {

// Calls step(offset, count, value, gradient) for each vector and stores the value it returns.
template <typename Step>
inline void each_update(const Update& u, Step step) {
  each_vector(u.n, [&](int64_t at, int64_t count) {
    const Vec value = load(u.value + at, count, 0);
    const Vec grad = load(u.grad + at, count, 0) * u.grad_scale + value * u.weight_decay;
    store(u.value + at, step(at, count, value * u.shrink, grad), count);
  });
}

}  // namespace

void add(float* sum, const float* other, int64_t n) {
  each_vector(n, [&](int64_t at, int64_t count) {
    store(sum + at, load(sum + at, count, 0) + load(other + at, count, 0), count);
  });
}

double sum_of_squares(const float* x, int64_t n) {
  constexpr int64_t block = 4096;  // summed in single precision
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += block) {
    Vec squares = {};
    each_vector(n - begin < block ? n - begin : block, [&](int64_t at, int64_t count) {
      const Vec v = load(x + begin + at, count, 0);
      squares += v * v;
    });
    total += sum(squares);
  }
  return total;
}

void rmsprop(const Update& u, float* square_avg, Decay alpha) {
  each_update(u, [&](int64_t at, int64_t count, Vec value, Vec grad) {
    const Vec average = load(square_avg + at, count, 0) * alpha.keep + grad * grad * alpha.take;
    store(square_avg + at, average, count);
    return value - u.lr * grad / (sqrt(average) + u.eps);
  });
}

void adam(const Update& u, float* exp_avg, float* exp_avg_sq, Decay beta1, Decay beta2, float correction1,
          float correction2) {
  each_update(u, [&](int64_t at, int64_t count, Vec value, Vec grad) {
    const Vec old = load(exp_avg + at, count, 0);
    const Vec first = old + (grad - old) * beta1.take;
    const Vec second = load(exp_avg_sq + at, count, 0) * beta2.keep + grad * grad * beta2.take;
    store(exp_avg + at, first, count);
    store(exp_avg_sq + at, second, count);
    return value - u.lr / correction1 * first / (sqrt(second) / correction2 + u.eps);
  });
}

}  // namespace tangshi::LEVEL
