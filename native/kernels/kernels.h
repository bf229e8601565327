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
  const float* grad;  // [n]
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

// Some hidden units of a layer at one time step in training, batch-minor: for the first `used` of `lanes`
// sequences. Everything is [units, lanes]; of the gates there are several, one every `gate_stride` floats:
// - LSTM: input, forget, cell, output, as in PyTorch
// - GRU: new, reset, update, and the hidden state's part of new, to which reset is applied
// - RNN: one
// Before the activation; overwritten by the values after it.
struct CellStep {
  float* gates;
  int64_t gate_stride;
  const float *old_h, *old_c;
  float *h, *c;
  int64_t units, lanes, used;
};

// The same for the gradient.
struct CellGradient {
  float* gates;  // as left by the forward function
  int64_t gate_stride;
  const float *old_h, *old_c, *c;
  const float* d_h;  // of the output
  float* d_c;        // of c; overwritten by that of old_c
  float* d_old_h;    // what a GRU passes on directly is added to it; or null
  int64_t units, lanes, used;
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

  // Cells of a layer at one time step in training. The backward functions overwrite the gates with their
  // derivatives before the activation.
  void (*lstm_forward)(const CellStep& step);
  void (*gru_forward)(const CellStep& step);
  void (*rnn_forward)(const CellStep& step);
  void (*lstm_backward)(const CellGradient& step);
  void (*gru_backward)(const CellGradient& step);
  void (*rnn_backward)(const CellGradient& step);

  // Softmax over columns, a block of rows at a time. logits: [rows, columns], columns a multiple of 16;
  // replaced by exp(logit - largest), after ReLU if asked for; then it is negative where ReLU cut the logit
  // off. largest and total: [columns], the largest logit of the block and the sum of exp(logit - largest).
  void (*exp_logits)(float* logits, int64_t rows, int64_t columns, bool relu, float* largest, float* total);
  // Merges the statistics of several blocks of rows, each `stride` floats after the one before: for each of
  // `columns`, the largest of all and the sum of exp(logit - largest).
  void (*merge_softmax)(const float* maxima, const float* sums, int64_t blocks, int64_t stride,
                        int64_t columns, float* largest, float* total);
  // Multiplies a block of exp_logits by a factor for each column, [columns]; what is negative becomes 0.
  void (*scale_exps)(float* exps, int64_t rows, int64_t columns, const float* factor);
  // The factors: weight x exp(largest - log_total), [columns].
  void (*exp_factors)(const float* largest, const float* log_total, const float* weight, int64_t columns,
                      float* factor);
  void (*relu)(float* x, int64_t n);

  // Adds the sum of each row of x: [rows, columns] to sums: [rows].
  void (*add_row_sums)(const float* x, int64_t x_stride, int64_t rows, int64_t columns, float* sums);
  // Inverted dropout: multiplies each element by 0 with the probability threshold / 2^32, otherwise by
  // `scale`. Depends only on the key and the index of the element, which is first + i.
  void (*dropout)(float* x, int64_t n, uint32_t first, uint32_t key, uint32_t threshold, float scale);
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
