#include "lstm.h"

#include <torch/csrc/autograd/custom_function.h>

#include "kernels/kernels.h"
#include "lanes.h"

namespace tangshi {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Steps whose gradient of a weight is summed before the sum is written: their inputs stay in cache.
constexpr int64_t summed_positions = 256;

struct Sizes {
  int64_t time, batch, in, hidden, lanes;
  int64_t state() const { return hidden * lanes; }
};

const float* floats(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }
float* floats(at::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }

// [..., batch, features] -> [..., features, lanes], zeros in the lanes without a sequence.
at::Tensor to_lanes(const at::Tensor& x, int64_t lanes) {
  const int64_t batch = x.size(-2), features = x.size(-1), steps = x.numel() / (batch * features);
  const at::Tensor from = x.contiguous();
  at::Tensor to = at::empty({steps, features, lanes}, at::kFloat);
  if (lanes > batch) to.narrow(2, batch, lanes - batch).zero_();
  for (int64_t t = 0; t < steps; t++) {
    kernels().transpose(floats(from) + t * batch * features, features, batch, features,
                        floats(to) + t * features * lanes, lanes);
  }
  return to;
}

// [steps, features, lanes] -> [steps, batch, features].
at::Tensor from_lanes(const at::Tensor& x, int64_t batch) {
  const int64_t steps = x.size(0), features = x.size(1), lanes = x.size(2);
  at::Tensor to = at::empty({steps, batch, features}, at::kFloat);
  for (int64_t t = 0; t < steps; t++) {
    kernels().transpose(floats(x) + t * features * lanes, lanes, features, batch,
                        floats(to) + t * batch * features, features);
  }
  return to;
}

// out [rows, lanes] = start or out + weight [rows, features] x [features, lanes].
void forward_product(const at::Tensor& weight, const float* x, int64_t lanes, const float* start,
                     float* out) {
  const int64_t features = weight.size(1);
  kernels().multiply({.x = {floats(weight), features, 1, features},
                      .w = x,
                      .w_stride = lanes,
                      .rows = weight.size(0),
                      .columns = lanes,
                      .start = start,
                      .out = out,
                      .out_stride = lanes});
}

// d_x [features, lanes] = the transposed weight x d_out [rows, lanes].
void backward_product(const at::Tensor& weight, const float* d_out, int64_t lanes, const float* zeros,
                      float* d_x) {
  const int64_t features = weight.size(1);
  kernels().multiply({.x = {floats(weight), 1, features, weight.size(0)},
                      .w = d_out,
                      .w_stride = lanes,
                      .rows = features,
                      .columns = lanes,
                      .start = zeros,
                      .out = d_x,
                      .out_stride = lanes});
}

// The sum over steps and sequences of d_out x the row of x. d_out: [time, rows, lanes]; x: [time, batch, in].
at::Tensor weight_gradient(const at::Tensor& d_out, const at::Tensor& x) {
  const int64_t time = d_out.size(0), rows = d_out.size(1), lanes = d_out.size(2);
  const int64_t batch = x.size(1), features = x.size(2);
  const at::Tensor from = padded(x);
  const int64_t stride = from.size(2), steps = std::max<int64_t>(1, summed_positions / batch);
  at::Tensor grad = at::zeros({rows, features}, at::kFloat);
  for (int64_t t = 0; t < time; t += steps) {
    kernels().multiply({.x = {.first = floats(d_out) + t * rows * lanes,
                              .row = lanes,
                              .step = 1,
                              .count = batch,
                              .blocks = std::min(steps, time - t),
                              .block = rows * lanes},
                        .w = floats(from) + t * batch * stride,
                        .w_stride = stride,
                        .rows = rows,
                        .columns = features,
                        .start = nullptr,
                        .out = floats(grad),
                        .out_stride = features});
  }
  return grad;
}

at::Tensor bias_gradient(const at::Tensor& d_out) {
  const int64_t rows = d_out.size(1), lanes = d_out.size(2);
  at::Tensor grad = at::zeros({rows}, at::kFloat);
  for (int64_t t = 0; t < d_out.size(0); t++) {
    kernels().add_row_sums(floats(d_out) + t * rows * lanes, rows, lanes, floats(grad));
  }
  return grad;
}

// Inputs: x, h, c, weight_ih, weight_hh, bias_ih, bias_hh; outputs: out, h, c.
class LstmLayer : public torch::autograd::Function<LstmLayer> {
 public:
  static variable_list forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& h0,
                               const at::Tensor& c0, const at::Tensor& weight_ih, const at::Tensor& weight_hh,
                               const at::Tensor& bias_ih, const at::Tensor& bias_hh) {
    const Sizes n = {x.size(0), x.size(1), x.size(2), weight_hh.size(1), in_lanes(x.size(1))};
    const at::Tensor across = to_lanes(x, n.lanes), bias = bias_ih + bias_hh;
    at::Tensor gates = at::empty({n.time, 4 * n.hidden, n.lanes}, at::kFloat);
    at::Tensor h = at::empty({n.time + 1, n.hidden, n.lanes}, at::kFloat),
               c = at::empty_like(h);  // after each step
    h[0].copy_(to_lanes(h0, n.lanes)[0]);
    c[0].copy_(to_lanes(c0, n.lanes)[0]);
    for (int64_t t = 0; t < n.time; t++) {
      float* gate = floats(gates) + t * 4 * n.state();
      float* old_h = floats(h) + t * n.state();
      float* old_c = floats(c) + t * n.state();
      forward_product(weight_ih, floats(across) + t * n.in * n.lanes, n.lanes, floats(bias), gate);
      forward_product(weight_hh, old_h, n.lanes, nullptr, gate);
      kernels().lstm_forward(gate, old_c, n.state(), old_c + n.state(), old_h + n.state());
    }
    const at::Tensor rows = from_lanes(h, n.batch);  // [time + 1, batch, hidden]
    context->save_for_backward({x, weight_ih, weight_hh});
    context->saved_data["gates"] = gates;
    context->saved_data["c"] = c;
    context->saved_data["h"] = rows;
    const at::Tensor last_c = from_lanes(c.narrow(0, n.time, 1), n.batch);
    const at::Tensor last_h = rows.narrow(0, n.time, 1).clone();
    context->mark_non_differentiable({last_h, last_c});
    return {rows.narrow(0, 1, n.time), last_h, last_c};
  }

  static variable_list backward(AutogradContext* context, variable_list d_outputs) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight_ih = saved[1], &weight_hh = saved[2];
    // Overwritten, hence taken away: a second backward fails instead of being wrong.
    at::Tensor gates = std::move(context->saved_data.at("gates")).toTensor();
    context->saved_data.erase("gates");
    at::Tensor c = context->saved_data.at("c").toTensor();
    const at::Tensor h = context->saved_data.at("h").toTensor();

    const Sizes n = {x.size(0), x.size(1), x.size(2), weight_hh.size(1), in_lanes(x.size(1))};
    at::Tensor d_out = to_lanes(d_outputs[0], n.lanes);
    at::Tensor d_x = at::empty({n.time, n.in, n.lanes}, at::kFloat);
    at::Tensor d_c = at::zeros({n.state()}, at::kFloat);
    const at::Tensor zeros = at::zeros({n.in}, at::kFloat);
    for (int64_t t = n.time - 1; t >= 0; t--) {
      float* gate = floats(gates) + t * 4 * n.state();
      const float* old_c = floats(c) + t * n.state();
      float* d_h = floats(d_out) + t * n.state();
      kernels().lstm_backward(gate, old_c, old_c + n.state(), d_h, floats(d_c), n.state());
      backward_product(weight_ih, gate, n.lanes, floats(zeros), floats(d_x) + t * n.in * n.lanes);
      if (t > 0) backward_product(weight_hh, gate, n.lanes, nullptr, d_h - n.state());
    }
    const at::Tensor d_bias = bias_gradient(gates);
    return {from_lanes(d_x, n.batch),
            at::Tensor(),
            at::Tensor(),
            weight_gradient(gates, x),
            weight_gradient(gates, h.narrow(0, 0, n.time)),
            d_bias,
            d_bias};
  }
};

}  // namespace

LstmOutput lstm_layer(const at::Tensor& x, const at::Tensor& h, const at::Tensor& c, at::TensorList weights) {
  TORCH_CHECK(!h.requires_grad() && !c.requires_grad(), "the initial state gets no gradient");
  const variable_list out = LstmLayer::apply(x, h, c, weights[0], weights[1], weights[2], weights[3]);
  return {out[0], out[1], out[2]};
}

}  // namespace tangshi
