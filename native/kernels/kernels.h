// Loops over floats, compiled once for each level of vector instructions; the best level that the processor
// supports is chosen at run time. Levels differ in rounding.
#pragma once

#include <cstdint>
#include <vector>

namespace tangshi {

// Outputs of a packed matrix that are contiguous: a whole number of vectors at every level.
constexpr int64_t panel_width = 64;

// A linear layer packed for `matmul`: panels of 64 outputs, each [inputs, 64], zero beyond the last output.
struct PanelView {
  const float* f32;     // either this
  const uint16_t* f16;  // or IEEE 754 half precision
  const float* bias;    // [panels x 64]
  int64_t inputs, panels;
};

// A factor that is read one number at a time: x[r][b][k] is first[r * row + b * block + k * step].
struct Scalars {
  const float* first;
  int64_t row, step, block = 0;
};

// A factor that is read by vectors along its columns: w[b][k][c] is first[b * block + k * row + c], readable
// up to the next multiple of 16 columns.
struct Vectors {
  const float* first;
  int64_t row, block = 0;
};

// out[r][c] = start + sum over b and k of x[r][b][k] w[b][k][c], where the start is start[r] or, when that is
// null, the old value of out.
struct Product {
  Scalars x;
  Vectors w;
  int64_t rows, columns, count, blocks = 1;  // of r, c, k, b
  const float* start;
  float* out;
  int64_t out_stride;
};

// A part of the parameters and how to update it.
struct Update {
  float* value;       // [n]
  const float* grad;  // [n], summed over the replicas
  int64_t n;
  float grad_scale;  // clipping
  float lr, eps;
  float weight_decay;  // x value is added to the gradient
  float shrink;        // the value is multiplied with this first
};

// A running average: old x keep + new x take. Both are given, since 1 - 0.999 in single precision is off by
// 1e-5.
struct Decay {
  float keep, take;
};

struct Kernels {
  const char* level;

  // out[r][o] = bias[o] + sum over i of x[r][i] w[o][i], for all outputs of all panels. Each output is summed
  // in the order of the inputs: a row's result does not depend on the other rows.
  void (*matmul)(const PanelView& layer, const float* x, int64_t x_stride, int64_t rows, float* out,
                 int64_t out_stride);

  void (*multiply)(const Product& product);

  // Pointwise part of a cell for one row. from_input and from_hidden: [gates x hidden], products with their
  // biases, gates in PyTorch's order. h (and c) are replaced.
  void (*lstm_cell)(const float* from_input, const float* from_hidden, int64_t hidden, float* h, float* c);
  void (*gru_cell)(const float* from_input, const float* from_hidden, int64_t hidden, float* h);
  void (*rnn_cell)(const float* from_input, const float* from_hidden, int64_t hidden, float* h);

  // A layer's cells at one time step in training, batch-minor: for the first `used` of `lanes` sequences. h,
  // c and their derivatives: [hidden, lanes]. gates: [4 x hidden, lanes] in PyTorch's order, before the
  // activation; they are replaced by the values after it.
  void (*lstm_forward)(float* gates, const float* old_c, int64_t hidden, int64_t lanes, int64_t used,
                       float* c, float* h);
  // d_c, the derivative of c, is replaced by that of old_c; gates by their derivatives before the activation.
  void (*lstm_backward)(float* gates, const float* old_c, const float* c, const float* d_h, int64_t hidden,
                        int64_t lanes, int64_t used, float* d_c);

  // Softmax of columns, some rows of logits at a time. logits: [rows, columns], columns a multiple of 16.
  // largest and total: [columns], the largest logit so far and the sum of exp(logit - largest).
  void (*track_softmax)(const float* logits, int64_t rows, int64_t columns, float* largest, float* total);
  // logits become weight x softmax. log_total: log of the sum of exp(logit). With relu there is none where a
  // logit is not above 0. log_total and weight: [columns].
  void (*softmax)(float* logits, int64_t rows, int64_t columns, const float* log_total, const float* weight,
                  bool relu);
  void (*relu)(float* x, int64_t n);

  // Adds the sum of each row of x: [rows, columns] to sums: [rows].
  void (*add_row_sums)(const float* x, int64_t x_stride, int64_t rows, int64_t columns, float* sums);
  // to[c][r] = from[r][c].
  void (*transpose)(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                    int64_t to_stride);

  // The largest, NaN when there is a NaN.
  float (*max)(const float* x, int64_t n);
  // weights: exp((x - max) x scale), [n]; sums: of each 64 of them, [ceil(n / 64)]. total, unless null: the
  // sum of exp(x - max), in the same pass.
  void (*exp_weights)(const float* x, int64_t n, float max, float scale, float* weights, float* sums,
                      double* total);
  // The sum of exp(x - max).
  double (*sum_exp)(const float* x, int64_t n, float max);

  // Adds `other` to `sum`.
  void (*add)(float* sum, const float* other, int64_t n);
  double (*sum_of_squares)(const float* x, int64_t n);
  void (*rmsprop)(const Update& update, float* square_avg, Decay alpha);
  // correction1, correction2: what Adam divides its first average by, and the root of its second.
  void (*adam)(const Update& update, float* exp_avg, float* exp_avg_sq, Decay beta1, Decay beta2,
               float correction1, float correction2);
};

// Those that this processor supports, the best one last.
std::vector<const Kernels*> supported_kernels();

// The best one.
const Kernels& kernels();

}  // namespace tangshi
