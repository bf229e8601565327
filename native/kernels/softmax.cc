#include <math.h>

#include "kernels.h"
#include "simd.h"

namespace tangshi::LEVEL {

float max(const float* x, int64_t n) {
  Vec largest = splat(-INFINITY);
  Ints has_nan = {};
  each_vector(n, [&](int64_t at, int64_t count) {
    const Vec v = load(x + at, count, -INFINITY);
    has_nan |= v != v;
    largest = max(largest, v);
  });
  float result = -INFINITY;
  for (int i = 0; i < width; i++) {
    if (has_nan[i]) return NAN;
    if (largest[i] > result) result = largest[i];
  }
  return result;
}

void exp_weights(float* x, int64_t n, float max, float scale, float* sums) {
  constexpr int64_t block = 64;
  for (int64_t begin = 0; begin < n; begin += block) {
    Vec total = {};
    each_vector(n - begin < block ? n - begin : block, [&](int64_t at, int64_t count) {
      const Vec weight = exp((load(x + begin + at, count, -INFINITY) - max) * scale);
      store(x + begin + at, weight, count);
      total += weight;
    });
    *sums++ = sum(total);
  }
}

double nll_row(float* logits, const float* bias, int64_t vocab, int64_t target, float weight, bool relu,
               float* bias_grad) {
  Vec largest = splat(-INFINITY);
  each_vector(vocab, [&](int64_t at, int64_t count) {
    Vec logit = load(logits + at, count, 0) + load(bias + at, count, -INFINITY);
    if (relu) logit = logit < 0.0f ? splat(0) : logit;
    store(logits + at, logit, count);
    largest = max(largest, logit);
  });
  float top = -INFINITY;
  for (int i = 0; i < width; i++) top = largest[i] > top ? largest[i] : top;

  const double target_logit = logits[target];
  Vec sums = {};
  each_vector(vocab, [&](int64_t at, int64_t count) {
    const Vec logit = load(logits + at, count, -INFINITY);
    const Vec share = exp(logit - top);
    sums += share;
    // A logit that ReLU cut has no gradient: marked by its sign.
    if (bias_grad != nullptr) store(logits + at, relu ? (logit > 0.0f ? share : -share) : share, count);
  });
  const double total = sum(sums);
  const double nll = log(total) + top - target_logit;
  if (bias_grad == nullptr) return nll;

  const float scale = static_cast<float>(weight / total);
  each_vector(vocab, [&](int64_t at, int64_t count) {
    const Vec share = load(logits + at, count, 0);
    const Vec grad = (relu ? max(share, splat(0)) : share) * scale;
    store(logits + at, grad, count);
    store(bias_grad + at, load(bias_grad + at, count, 0) + grad, count);
  });
  if (!relu || target_logit > 0) {
    logits[target] -= weight;
    bias_grad[target] -= weight;
  }
  return nll;
}

}  // namespace tangshi::LEVEL
