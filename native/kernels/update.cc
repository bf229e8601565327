#include "kernels.h"
#include "simd.h"

namespace tangshi::LEVEL {
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
