// Loops over floats that libtorch has no single pass for. Each is compiled once for each level of vector
// instructions; the best that the processor has is chosen when the program runs. Levels differ in rounding.
#pragma once

#include <cstdint>
#include <vector>

namespace tangshi {

// Outputs of a packed matrix that lie side by side: a whole number of vectors at every level.
constexpr int64_t panel_width = 64;

// A linear layer laid out for `matmul`: panels of 64 outputs, zero beyond the last, each [inputs, 64].
struct PanelView {
  const float* f32;     // either this
  const uint16_t* f16;  // or IEEE 754 half precision
  const float* bias;    // [panels x 64]
  int64_t inputs, panels;
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
  // in the order of the inputs, whatever the rows: a row's result does not depend on its company.
  void (*matmul)(const PanelView& layer, const float* x, int64_t x_stride, int64_t rows, float* out,
                 int64_t out_stride);

  // Pointwise part of a cell for one row. from_input and from_hidden: [gates x hidden], products with their
  // biases, gates in PyTorch's order. h (and c) are replaced.
  void (*lstm_cell)(const float* from_input, const float* from_hidden, int64_t hidden, float* h, float* c);
  void (*gru_cell)(const float* from_input, const float* from_hidden, int64_t hidden, float* h);
  void (*rnn_cell)(const float* from_input, const float* from_hidden, int64_t hidden, float* h);

  // The negative log-likelihood of one row in nats. logits: [vocab] without bias. With a bias_grad, logits
  // become weight x (softmax - one-hot of target), the gradient, which is also added to bias_grad. With relu
  // the logits are cut at 0 first.
  double (*nll_row)(float* logits, const float* bias, int64_t vocab, int64_t target, float weight, bool relu,
                    float* bias_grad);

  // The largest, NaN when there is a NaN.
  float (*max)(const float* x, int64_t n);
  // x becomes exp((x - max) x scale); sums: of each 64 of them, [ceil(n / 64)].
  void (*exp_weights)(float* x, int64_t n, float max, float scale, float* sums);

  // Adds `other` to `sum`.
  void (*add)(float* sum, const float* other, int64_t n);
  double (*sum_of_squares)(const float* x, int64_t n);
  void (*rmsprop)(const Update& update, float* square_avg, Decay alpha);
  // correction1, correction2: what Adam divides its first average by, and the root of its second.
  void (*adam)(const Update& update, float* exp_avg, float* exp_avg_sq, Decay beta1, Decay beta2,
               float correction1, float correction2);
};

// Those that this processor can run, the best one last.
std::vector<const Kernels*> supported_kernels();

// The best one.
const Kernels& kernels();

}  // namespace tangshi
