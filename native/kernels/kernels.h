// Loops over floats, compiled once per level of vector instructions. The best level that the CPU supports is
// chosen at run time. Results differ between levels by rounding.
#pragma once

#include <cstdint>
#include <vector>

namespace tangshi {

// Number of contiguous outputs in a packed matrix: a multiple of the vector width at every level.
constexpr int64_t panel_width = 64;

// A linear layer packed for `matmul`: panels of 64 outputs, each [inputs, 64], zero beyond the last output.
struct PanelView {
  const float* f32;     // set in single precision
  const uint16_t* f16;  // or IEEE 754 half precision
  const float* bias;    // [panels x 64]
  int64_t inputs, panels;
};

// A factor read one number at a time: x[r][b][k] is first[r * row + b * block + k * step].
struct Scalars {
  const float* first;
  int64_t row, step, block = 0;
};

// A factor read in vectors along its columns: w[b][k][c] is first[b * block + k * row + c], readable up to
// the next multiple of 16 columns.
struct Vectors {
  const float* first;
  int64_t row, block = 0;
};

// out[r][c] = start + sum over b and k of x[r][b][k] w[b][k][c], where start is start[r] or, if that is null,
// the old value of out.
struct Product {
  Scalars x;
  Vectors w;
  int64_t rows, columns, count, blocks = 1;  // of r, c, k, b
  const float* start;
  float* out;
  int64_t out_stride;
};

// A slice of the parameters and how to update it.
struct Update {
  float* value;       // [n]
  const float* grad;  // [n], summed over the replicas
  int64_t n;
  float grad_scale;  // scale factor from clipping
  float lr, eps;
  float weight_decay;  // times the value, added to the gradient
  float shrink;        // factor applied to the value first
};

// A running average: old x keep + new x take. Both are given, because 1 - 0.999 in single precision is off by
// 1e-5.
struct Decay {
  float keep, take;
};

struct Kernels {
  const char* level;

  // out[r][o] = bias[o] + sum over i of x[r][i] w[o][i], for all outputs of all panels. Each output is summed
  // in order of the inputs, so the result for a row does not depend on the other rows.
  void (*matmul)(const PanelView& layer, const float* x, int64_t x_stride, int64_t rows, float* out,
                 int64_t out_stride);

  void (*multiply)(const Product& product);

  // Pointwise part of a cell for one row. from_input and from_hidden: [gates x hidden], matrix products plus
  // bias, gates in PyTorch's order. Overwrites h (and c).
  void (*lstm_cell)(const float* from_input, const float* from_hidden, int64_t hidden, float* h, float* c);
  void (*gru_cell)(const float* from_input, const float* from_hidden, int64_t hidden, float* h);
  void (*rnn_cell)(const float* from_input, const float* from_hidden, int64_t hidden, float* h);

  // Cells of a layer at one time step in training, batch-minor: for the first `used` of `lanes` sequences. h,
  // c and their derivatives: [hidden, lanes]. gates: [4 x hidden, lanes] in PyTorch's order, before the
  // activation; overwritten by the values after it.
  void (*lstm_forward)(float* gates, const float* old_c, int64_t hidden, int64_t lanes, int64_t used,
                       float* c, float* h);
  // Overwrites d_c, the derivative of c, with that of old_c, and gates with their derivatives before the
  // activation.
  void (*lstm_backward)(float* gates, const float* old_c, const float* c, const float* d_h, int64_t hidden,
                        int64_t lanes, int64_t used, float* d_c);

  // Softmax over columns, a chunk of rows at a time. logits: [rows, columns], columns a multiple of 16.
  // largest and total: [columns], the largest logit so far and the sum of exp(logit - largest).
  void (*track_softmax)(const float* logits, int64_t rows, int64_t columns, float* largest, float* total);
  // Replaces logits by weight x softmax. log_total: log of the sum of exp(logit). With relu, the result is 0
  // where a logit is not above 0. log_total and weight: [columns].
  void (*softmax)(float* logits, int64_t rows, int64_t columns, const float* log_total, const float* weight,
                  bool relu);
  void (*relu)(float* x, int64_t n);

  // Adds the sum of each row of x: [rows, columns] to sums: [rows].
  void (*add_row_sums)(const float* x, int64_t x_stride, int64_t rows, int64_t columns, float* sums);
  // to[c][r] = from[r][c].
  void (*transpose)(const float* from, int64_t from_stride, int64_t rows, int64_t columns, float* to,
                    int64_t to_stride);

  // The maximum, or NaN if there is a NaN.
  float (*max)(const float* x, int64_t n);
  // weights: exp((x - max) x scale), [n]; sums: of each block of 64 weights, [ceil(n / 64)]. total, unless
  // null: the sum of exp(x - max), computed in the same pass.
  void (*exp_weights)(const float* x, int64_t n, float max, float scale, float* weights, float* sums,
                      double* total);
  // The sum of exp(x - max).
  double (*sum_exp)(const float* x, int64_t n, float max);

  // Adds `other` to `sum`.
  void (*add)(float* sum, const float* other, int64_t n);
  double (*sum_of_squares)(const float* x, int64_t n);
  void (*rmsprop)(const Update& update, float* square_avg, Decay alpha);
  // correction1, correction2: Adam's bias corrections, which divide its first average and the root of its
  // second.
  void (*adam)(const Update& update, float* exp_avg, float* exp_avg_sq, Decay beta1, Decay beta2,
               float correction1, float correction2);
};

// The levels that this CPU supports, the best one last.
std::vector<const Kernels*> supported_kernels();

// The best level.
const Kernels& kernels();

}  // namespace tangshi
