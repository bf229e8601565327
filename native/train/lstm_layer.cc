#include "train/lstm_layer.h"

#include <torch/csrc/autograd/custom_function.h>

#include "kernels/kernels.h"
#include "train/batch_minor.h"

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

// How many lanes are worked on at each step: those of the sequences that still run.
std::vector<int64_t> lanes_of_steps(const Sizes& n, const std::vector<int64_t>& running) {
  std::vector<int64_t> lanes(n.time, n.lanes);
  for (size_t t = 0; t < running.size(); t++) lanes[t] = in_lanes(running[t]);
  return lanes;
}

const float* floats(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }
float* floats(at::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }

// Memory of this thread, which is used again as soon as nobody holds it: fresh pages from the system cost 2%
// of a step. Its content is whatever was left there.
at::Tensor buffer(at::IntArrayRef sizes) {
  thread_local std::vector<at::Tensor> kept;
  const int64_t needed = c10::multiply_integers(sizes);
  const auto is_free = [](const at::Tensor& tensor) { return tensor.storage().use_count() == 1; };
  const auto fits = [&](const at::Tensor& tensor) { return is_free(tensor) && tensor.numel() >= needed; };
  auto found = std::find_if(kept.begin(), kept.end(), fits);
  if (found == kept.end()) {
    // Instead of one that is too small.
    found = std::find_if(kept.begin(), kept.end(), is_free);
    if (found == kept.end()) found = kept.emplace(found);
    *found = at::empty({needed}, at::kFloat);
  }
  return found->narrow(0, 0, needed).view(sizes);
}

// [..., batch, features] -> [..., features, lanes], zeros in the lanes without a sequence.
at::Tensor to_lanes(const at::Tensor& x, int64_t lanes) {
  const int64_t batch = x.size(-2), features = x.size(-1), steps = x.numel() / (batch * features);
  const at::Tensor from = x.contiguous();
  at::Tensor to = buffer({steps, features, lanes});
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
  at::Tensor to = buffer({steps, batch, features});
  for (int64_t t = 0; t < steps; t++) {
    kernels().transpose(floats(x) + t * features * lanes, lanes, features, batch,
                        floats(to) + t * batch * features, features);
  }
  return to;
}

// Rows of a weight [rows, features].
struct WeightRows {
  const float* first;
  int64_t rows, features;
};

WeightRows all_rows(const at::Tensor& weight) { return {floats(weight), weight.size(0), weight.size(1)}; }

// Calls body(first row, rows) for as many rows at a time as stay in a core's own cache over all time steps.
template <typename Body>
void each_block(const at::Tensor& weight, Body body) {
  constexpr int64_t cached = 1 << 16;  // floats
  const WeightRows all = all_rows(weight);
  const int64_t rows = std::max<int64_t>(cached / all.features, 64);
  for (int64_t first = 0; first < all.rows; first += rows) {
    body(first, WeightRows{all.first + first * all.features, std::min(rows, all.rows - first), all.features});
  }
}

// out [rows, lanes] = start or out + weight [rows, features] x [features, lanes], of the first `used` lanes.
void forward_product(const WeightRows& weight, const float* x, int64_t lanes, int64_t used,
                     const float* start, float* out) {
  kernels().multiply({.x = {weight.first, weight.features, 1},
                      .w = {x, lanes},
                      .rows = weight.rows,
                      .columns = used,
                      .count = weight.features,
                      .start = start,
                      .out = out,
                      .out_stride = lanes});
}

// d_x [features, lanes] += the transposed weight x d_out [rows, lanes], of the first `used` lanes.
void backward_product(const WeightRows& weight, const float* d_out, int64_t lanes, int64_t used, float* d_x) {
  kernels().multiply({.x = {weight.first, 1, weight.features},
                      .w = {d_out, lanes},
                      .rows = weight.features,
                      .columns = used,
                      .count = weight.rows,
                      .start = nullptr,
                      .out = d_x,
                      .out_stride = lanes});
}

// The sum over steps and sequences of d_out x the row of x. d_out: [time, rows, lanes]; x: [time, batch, in];
// used: [time], the lanes of each step that count.
at::Tensor weight_gradient(const at::Tensor& d_out, const at::Tensor& x, const std::vector<int64_t>& used) {
  const int64_t time = d_out.size(0), rows = d_out.size(1), lanes = d_out.size(2);
  const int64_t batch = x.size(1), features = x.size(2);
  const at::Tensor from = padded(x);
  const int64_t stride = from.size(2);
  at::Tensor grad = at::zeros({rows, features}, at::kFloat);
  for (int64_t t = 0, end; t < time; t = end) {
    const int64_t count = std::min(used[t], batch);
    end = t + 1;  // of the steps with as many lanes that are summed at once
    while (end < time && used[end] == used[t] && (end + 1 - t) * count <= summed_positions) end++;
    kernels().multiply({.x = {floats(d_out) + t * rows * lanes, lanes, 1, rows * lanes},
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

at::Tensor bias_gradient(const at::Tensor& d_out, const std::vector<int64_t>& used) {
  const int64_t rows = d_out.size(1), lanes = d_out.size(2);
  at::Tensor grad = at::zeros({rows}, at::kFloat);
  for (int64_t t = 0; t < d_out.size(0); t++) {
    kernels().add_row_sums(floats(d_out) + t * rows * lanes, lanes, rows, used[t], floats(grad));
  }
  return grad;
}

// Inputs: x, h, c, weight_ih, weight_hh, bias_ih, bias_hh, running; outputs: out, h, c.
class LstmLayer : public torch::autograd::Function<LstmLayer> {
 public:
  static variable_list forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& h0,
                               const at::Tensor& c0, const at::Tensor& weight_ih, const at::Tensor& weight_hh,
                               const at::Tensor& bias_ih, const at::Tensor& bias_hh,
                               const std::vector<int64_t>& running) {
    const Sizes n = {x.size(0), x.size(1), x.size(2), weight_hh.size(1), in_lanes(x.size(1))};
    const std::vector<int64_t> used = lanes_of_steps(n, running);
    const at::Tensor across = to_lanes(x, n.lanes), bias = bias_ih + bias_hh;
    at::Tensor gates = buffer({n.time, 4 * n.hidden, n.lanes});
    // After each step; zero where a sequence is over.
    at::Tensor h = buffer({n.time + 1, n.hidden, n.lanes}).zero_(), c = buffer(h.sizes()).zero_();
    h[0].copy_(to_lanes(h0, n.lanes)[0]);
    c[0].copy_(to_lanes(c0, n.lanes)[0]);
    each_block(weight_ih, [&](int64_t first, const WeightRows& rows) {
      for (int64_t t = 0; t < n.time; t++) {
        forward_product(rows, floats(across) + t * n.in * n.lanes, n.lanes, used[t], floats(bias) + first,
                        floats(gates) + t * 4 * n.state() + first * n.lanes);
      }
    });
    for (int64_t t = 0; t < n.time; t++) {
      float* gate = floats(gates) + t * 4 * n.state();
      float* old_h = floats(h) + t * n.state();
      float* old_c = floats(c) + t * n.state();
      forward_product(all_rows(weight_hh), old_h, n.lanes, used[t], nullptr, gate);
      kernels().lstm_forward(gate, old_c, n.hidden, n.lanes, used[t], old_c + n.state(), old_h + n.state());
    }
    const at::Tensor rows = from_lanes(h, n.batch);  // [time + 1, batch, hidden]
    context->save_for_backward({x, weight_ih, weight_hh});
    context->saved_data["gates"] = gates;
    context->saved_data["c"] = c;
    context->saved_data["h"] = rows;
    context->saved_data["used"] = used;
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
    const std::vector<int64_t> used = context->saved_data.at("used").toIntVector();

    const Sizes n = {x.size(0), x.size(1), x.size(2), weight_hh.size(1), in_lanes(x.size(1))};
    at::Tensor d_h = to_lanes(d_outputs[0], n.lanes);
    at::Tensor d_x = buffer({n.time, n.in, n.lanes}).zero_();
    at::Tensor d_c = buffer({n.state()}).zero_();
    for (int64_t t = n.time - 1; t >= 0; t--) {
      float* gate = floats(gates) + t * 4 * n.state();
      const float* old_c = floats(c) + t * n.state();
      float* d_out = floats(d_h) + t * n.state();
      kernels().lstm_backward(gate, old_c, old_c + n.state(), d_out, n.hidden, n.lanes, used[t], floats(d_c));
      if (t > 0) backward_product(all_rows(weight_hh), gate, n.lanes, used[t], d_out - n.state());
    }
    each_block(weight_ih, [&](int64_t first, const WeightRows& rows) {
      for (int64_t t = 0; t < n.time; t++) {
        backward_product(rows, floats(gates) + t * 4 * n.state() + first * n.lanes, n.lanes, used[t],
                         floats(d_x) + t * n.in * n.lanes);
      }
    });
    const at::Tensor d_bias = bias_gradient(gates, used);
    return {from_lanes(d_x, n.batch),
            at::Tensor(),
            at::Tensor(),
            weight_gradient(gates, x, used),
            weight_gradient(gates, h.narrow(0, 0, n.time), used),
            d_bias,
            d_bias,
            at::Tensor()};
  }
};

}  // namespace

LstmOutput lstm_layer(const at::Tensor& x, const at::Tensor& h, const at::Tensor& c, at::TensorList weights,
                      const std::vector<int64_t>& running) {
  TORCH_CHECK(!h.requires_grad() && !c.requires_grad(), "the initial state gets no gradient");
  const variable_list out =
      LstmLayer::apply(x, h, c, weights[0], weights[1], weights[2], weights[3], running);
  return {out[0], out[1], out[2]};
}

}  // namespace tangshi
