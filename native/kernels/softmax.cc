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

void exp_weights(const float* x, int64_t n, float max, float scale, float* weights, float* sums,
                 double* total) {
  constexpr int64_t block = 64;
  const bool second_exp = total != nullptr && scale != 1;  // otherwise the total is the sum of the weights
  double all = 0;
  for (int64_t begin = 0; begin < n; begin += block) {
    Vec scaled = {}, unscaled = {};
    each_vector(n - begin < block ? n - begin : block, [&](int64_t at, int64_t count) {
      const Vec below_max = load(x + begin + at, count, -INFINITY) - max;
      const Vec weight = exp(below_max * scale);
      store(weights + begin + at, weight, count);
      scaled += weight;
      if (second_exp) unscaled += exp(below_max);
    });
    *sums = sum(scaled);
    all += second_exp ? sum(unscaled) : *sums;
    sums++;
  }
  if (total != nullptr) *total = all;
}

double sum_exp(const float* x, int64_t n, float max) {
  constexpr int64_t block = 64;  // blocks are summed in single precision, their sums in double
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += block) {
    Vec part = {};
    each_vector(n - begin < block ? n - begin : block, [&](int64_t at, int64_t count) {
      part += exp(load(x + begin + at, count, -INFINITY) - max);
    });
    total += sum(part);
  }
  return total;
}

void exp_logits(float* logits, int64_t rows, int64_t columns, bool relu, float* largest, float* total) {
  for (int64_t c = 0; c < columns; c += width) {
    Vec top = splat(relu ? 0 : -INFINITY);
    for (int64_t r = 0; r < rows; r++) top = max(top, load(logits + r * columns + c));
    Vec sum = {};
    for (int64_t r = 0; r < rows; r++) {
      float* at = logits + r * columns + c;
      const Vec logit = load(at);
      if (relu) {  // NaN stays NaN, so that the loss shows it
        const Vec e = exp((logit < 0.0f ? splat(0) : logit) - top);
        sum += e;
        store(at, logit <= 0.0f ? -e : e);
      } else {
        const Vec e = exp(logit - top);
        sum += e;
        store(at, e);
      }
    }
    store(largest + c, top);
    store(total + c, sum);
  }
}

void merge_softmax(const float* maxima, const float* sums, int64_t blocks, int64_t stride, int64_t columns,
                   float* largest, float* total) {
  for (int64_t c = 0; c < columns; c += width) {
    Vec top = load(maxima + c), sum = {};
    for (int64_t b = 1; b < blocks; b++) top = max(top, load(maxima + b * stride + c));
    for (int64_t b = 0; b < blocks; b++)
      sum += load(sums + b * stride + c) * exp(load(maxima + b * stride + c) - top);
    store(largest + c, top);
    store(total + c, sum);
  }
}

void exp_factors(const float* largest, const float* log_total, const float* weight, int64_t columns,
                 float* factor) {
  for (int64_t c = 0; c < columns; c += width)
    store(factor + c, load(weight + c) * exp(load(largest + c) - load(log_total + c)));
}

void scale_exps(float* exps, int64_t rows, int64_t columns, const float* factor) {
  for (int64_t r = 0; r < rows; r++, exps += columns) {
    for (int64_t c = 0; c < columns; c += width)
      store(exps + c, max(load(exps + c), splat(0)) * load(factor + c));
  }
}

void relu(float* x, int64_t n) {
  each_vector(n, [&](int64_t at, int64_t count) {
    const Vec v = load(x + at, count, 0);
    store(x + at, v < 0.0f ? splat(0) : v, count);
  });
}

}  // namespace tangshi::LEVEL
