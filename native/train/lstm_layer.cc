#include "train/lstm_layer.h"

#include <torch/csrc/autograd/custom_function.h>

#include "kernels/kernels.h"
#include "train/batch_minor.h"

namespace tangshi {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Number of positions whose weight gradients are summed before the sum is written, so that their inputs stay
// in cache.
constexpr int64_t summed_positions = 256;

struct Sizes {
  int64_t time, batch, in, hidden;
  int64_t width;  // of the batch-minor layout: the padded batch
  int64_t state() const { return hidden * width; }
};

Sizes sizes_of(const at::Tensor& x, const at::Tensor& weight_hh) {
  return {x.size(0), x.size(1), x.size(2), weight_hh.size(1), padded_size(x.size(1))};
}

// [time]: number of columns of the batch-minor layout to compute, those of the sequences that have not ended.
std::vector<int64_t> used_columns(const Sizes& n, const std::vector<int64_t>& batch_sizes) {
  std::vector<int64_t> used(n.time, n.width);
  for (size_t t = 0; t < batch_sizes.size(); t++) used[t] = padded_size(batch_sizes[t]);
  return used;
}

const float* floats(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }
float* floats(at::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }

// Uninitialized memory of this thread, reused as soon as no tensor holds it: fresh pages from the system cost
// 2% of a step.
at::Tensor buffer(at::IntArrayRef sizes) {
  thread_local std::vector<at::Tensor> kept;
  const int64_t needed = c10::multiply_integers(sizes);
  const auto is_free = [](const at::Tensor& tensor) { return tensor.storage().use_count() == 1; };
  const auto fits = [&](const at::Tensor& tensor) { return is_free(tensor) && tensor.numel() >= needed; };
  auto found = std::find_if(kept.begin(), kept.end(), fits);
  if (found == kept.end()) {
    // Replaces one that is too small.
    found = std::find_if(kept.begin(), kept.end(), is_free);
    if (found == kept.end()) found = kept.emplace(found);
    *found = at::empty({needed}, at::kFloat);
  }
  return found->narrow(0, 0, needed).view(sizes);
}

// [..., batch, features] -> [..., features, width], padded with zeros.
at::Tensor to_batch_minor(const at::Tensor& x, int64_t width) {
  const int64_t batch = x.size(-2), features = x.size(-1), steps = x.numel() / (batch * features);
  const at::Tensor from = x.contiguous();
  at::Tensor x_t = buffer({steps, features, width});
  if (width > batch) x_t.narrow(2, batch, width - batch).zero_();
  for (int64_t t = 0; t < steps; t++) {
    kernels().transpose(floats(from) + t * batch * features, features, batch, features,
                        floats(x_t) + t * features * width, width);
  }
  return x_t;
}

// [steps, features, width] -> [steps, batch, features].
at::Tensor from_batch_minor(const at::Tensor& x_t, int64_t batch) {
  const int64_t steps = x_t.size(0), features = x_t.size(1), width = x_t.size(2);
  at::Tensor x = buffer({steps, batch, features});
  for (int64_t t = 0; t < steps; t++) {
    kernels().transpose(floats(x_t) + t * features * width, width, features, batch,
                        floats(x) + t * batch * features, features);
  }
  return x;
}

// Some rows of a weight, [rows, features].
struct WeightRows {
  const float* first;
  int64_t rows, features;
};

WeightRows all_rows(const at::Tensor& weight) { return {floats(weight), weight.size(0), weight.size(1)}; }

// Calls body(first row, rows) for chunks of rows that fit into the cache of a core over all time steps.
template <typename Body>
void each_block(const at::Tensor& weight, Body body) {
  constexpr int64_t cached = 1 << 16;  // floats
  const WeightRows all = all_rows(weight);
  const int64_t rows = std::max<int64_t>(cached / all.features, 64);
  for (int64_t first = 0; first < all.rows; first += rows) {
    body(first, WeightRows{all.first + first * all.features, std::min(rows, all.rows - first), all.features});
  }
}

// out_t [rows, width] = start (or out_t itself) + weight [rows, features] x x_t [features, width], in the
// first `used` columns.
void forward_product(const WeightRows& weight, const float* x_t, int64_t width, int64_t used,
                     const float* start, float* out_t) {
  kernels().multiply({.x = {weight.first, weight.features, 1},
                      .w = {x_t, width},
                      .rows = weight.rows,
                      .columns = used,
                      .count = weight.features,
                      .start = start,
                      .out = out_t,
                      .out_stride = width});
}

// d_x_t [features, width] += transposed weight x d_out_t [rows, width], in the first `used` columns.
void backward_product(const WeightRows& weight, const float* d_out_t, int64_t width, int64_t used,
                      float* d_x_t) {
  kernels().multiply({.x = {weight.first, 1, weight.features},
                      .w = {d_out_t, width},
                      .rows = weight.features,
                      .columns = used,
                      .count = weight.rows,
                      .start = nullptr,
                      .out = d_x_t,
                      .out_stride = width});
}

// Sum over time steps and sequences of d_out x the row of x. d_out_t: [time, rows, width]; x: [time, batch,
// in]; used: [time], the number of valid columns of d_out_t.
at::Tensor weight_gradient(const at::Tensor& d_out_t, const at::Tensor& x, const std::vector<int64_t>& used) {
  const int64_t time = d_out_t.size(0), rows = d_out_t.size(1), width = d_out_t.size(2);
  const int64_t batch = x.size(1), features = x.size(2);
  const at::Tensor from = padded(x);
  const int64_t stride = from.size(2);
  at::Tensor grad = at::zeros({rows, features}, at::kFloat);
  for (int64_t t = 0, end; t < time; t = end) {
    const int64_t count = std::min(used[t], batch);
    end = t + 1;  // number of time steps with equally many columns that are summed at once
    while (end < time && used[end] == used[t] && (end + 1 - t) * count <= summed_positions) end++;
    kernels().multiply({.x = {floats(d_out_t) + t * rows * width, width, 1, rows * width},
                        .w = {floats(from) + t * batch * stride, stride, batch * stride},
                        .rows = rows,
                        .columns = features,
                        .count = count,
                        .blocks = end - t,
                        .start = nullptr,
                        .out = floats(grad),
                        .out_stride = features});
  }
  return grad;
}

at::Tensor bias_gradient(const at::Tensor& d_out_t, const std::vector<int64_t>& used) {
  const int64_t rows = d_out_t.size(1), width = d_out_t.size(2);
  at::Tensor grad = at::zeros({rows}, at::kFloat);
  for (int64_t t = 0; t < d_out_t.size(0); t++) {
    kernels().add_row_sums(floats(d_out_t) + t * rows * width, width, rows, used[t], floats(grad));
  }
  return grad;
}

// Inputs: x, h, c, weight_ih, weight_hh, bias_ih, bias_hh, batch_sizes; outputs: out, h, c.
class LstmLayer : public torch::autograd::Function<LstmLayer> {
 public:
  static variable_list forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& h0,
                               const at::Tensor& c0, const at::Tensor& weight_ih, const at::Tensor& weight_hh,
                               const at::Tensor& bias_ih, const at::Tensor& bias_hh,
                               const std::vector<int64_t>& batch_sizes) {
    const Sizes n = sizes_of(x, weight_hh);
    const std::vector<int64_t> used = used_columns(n, batch_sizes);
    const at::Tensor x_t = to_batch_minor(x, n.width), bias = bias_ih + bias_hh;
    at::Tensor gates_t = buffer({n.time, 4 * n.hidden, n.width});
    // Before the first and after each time step; zero after the end of a sequence.
    at::Tensor h_t = buffer({n.time + 1, n.hidden, n.width}).zero_(), c_t = buffer(h_t.sizes()).zero_();
    h_t[0].copy_(to_batch_minor(h0, n.width)[0]);
    c_t[0].copy_(to_batch_minor(c0, n.width)[0]);
    each_block(weight_ih, [&](int64_t first, const WeightRows& rows) {
      for (int64_t t = 0; t < n.time; t++) {
        forward_product(rows, floats(x_t) + t * n.in * n.width, n.width, used[t], floats(bias) + first,
                        floats(gates_t) + t * 4 * n.state() + first * n.width);
      }
    });
    for (int64_t t = 0; t < n.time; t++) {
      float* gate = floats(gates_t) + t * 4 * n.state();
      float* old_h = floats(h_t) + t * n.state();
      float* old_c = floats(c_t) + t * n.state();
      forward_product(all_rows(weight_hh), old_h, n.width, used[t], nullptr, gate);
      kernels().lstm_forward(gate, old_c, n.hidden, n.width, used[t], old_c + n.state(), old_h + n.state());
    }
    const at::Tensor h = from_batch_minor(h_t, n.batch);  // [time + 1, batch, hidden]
    context->save_for_backward({x, weight_ih, weight_hh});
    context->saved_data["gates_t"] = gates_t;
    context->saved_data["c_t"] = c_t;
    context->saved_data["h"] = h;
    context->saved_data["used"] = used;
    const at::Tensor last_c = from_batch_minor(c_t.narrow(0, n.time, 1), n.batch);
    const at::Tensor last_h = h.narrow(0, n.time, 1).clone();
    context->mark_non_differentiable({last_h, last_c});
    return {h.narrow(0, 1, n.time), last_h, last_c};
  }

  static variable_list backward(AutogradContext* context, variable_list d_outputs) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight_ih = saved[1], &weight_hh = saved[2];
    // Overwritten, and therefore released: a second backward pass fails instead of giving wrong results.
    at::Tensor gates_t = std::move(context->saved_data.at("gates_t")).toTensor();
    context->saved_data.erase("gates_t");
    at::Tensor c_t = context->saved_data.at("c_t").toTensor();
    const at::Tensor h = context->saved_data.at("h").toTensor();
    const std::vector<int64_t> used = context->saved_data.at("used").toIntVector();

    const Sizes n = sizes_of(x, weight_hh);
    at::Tensor d_h_t = to_batch_minor(d_outputs[0], n.width);
    at::Tensor d_x_t = buffer({n.time, n.in, n.width}).zero_();
    at::Tensor d_c_t = buffer({n.state()}).zero_();
    for (int64_t t = n.time - 1; t >= 0; t--) {
      float* gate = floats(gates_t) + t * 4 * n.state();
      const float* old_c = floats(c_t) + t * n.state();
      float* d_out = floats(d_h_t) + t * n.state();
      kernels().lstm_backward(gate, old_c, old_c + n.state(), d_out, n.hidden, n.width, used[t],
                              floats(d_c_t));
      if (t > 0) backward_product(all_rows(weight_hh), gate, n.width, used[t], d_out - n.state());
    }
    each_block(weight_ih, [&](int64_t first, const WeightRows& rows) {
      for (int64_t t = 0; t < n.time; t++) {
        backward_product(rows, floats(gates_t) + t * 4 * n.state() + first * n.width, n.width, used[t],
                         floats(d_x_t) + t * n.in * n.width);
      }
    });
    const at::Tensor d_bias = bias_gradient(gates_t, used);
    return {from_batch_minor(d_x_t, n.batch),
            at::Tensor(),
            at::Tensor(),
            weight_gradient(gates_t, x, used),
            weight_gradient(gates_t, h.narrow(0, 0, n.time), used),
            d_bias,
            d_bias,
            at::Tensor()};
  }
};

}  // namespace

LayerOutput lstm_layer(const at::Tensor& x, const HiddenState& state, at::TensorList weights,
                       const std::vector<int64_t>& batch_sizes) {
  TORCH_CHECK(!state.h.requires_grad() && !state.c.requires_grad(), "the initial state gets no gradient");
  const variable_list out =
      LstmLayer::apply(x, state.h, state.c, weights[0], weights[1], weights[2], weights[3], batch_sizes);
  return {out[0], {out[1], out[2]}};
}

}  // namespace tangshi
