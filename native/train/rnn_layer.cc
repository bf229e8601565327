#include "train/rnn_layer.h"

#include <algorithm>

#include "train/batch_minor.h"

namespace tangshi {
namespace {

// Number of positions whose weight gradients are summed before the sum is written, so that their inputs stay
// in cache.
constexpr int64_t summed_positions = 256;

constexpr float zeros[panel_rows] = {};

}  // namespace

RnnLayer::Gates RnnLayer::gates_of(Cell cell) {
  switch (cell) {
    case Cell::gru:
      return {3, 4, {1, 2, 0}, 1};
    case Cell::rnn:
      return {1, 1, {0}, 0};
    default:
      return {4, 4, {0, 1, 2, 3}, 0};
  }
}

RnnLayer::RnnLayer(Cell cell, int64_t in, int64_t hidden)
    : cell_(cell), kind_(gates_of(cell)), in_(in), hidden_(hidden) {}

int64_t RnnLayer::units_of(int64_t panel) const { return hh_[0].rows_of(panel); }

void RnnLayer::pack_forward(const LayerWeights<const float>& weights, SpinPool& pool) {
  for (int64_t g = 0; g < kind_.gates; g++) {
    ih_[g].reserve(hidden_, in_);
    hh_[g].reserve(hidden_, hidden_);
  }
  pool.each(kind_.gates * panels_of(hidden_), [&](int64_t i) {
    const int64_t g = i % kind_.gates, panel = i / kind_.gates;
    ih_[g].pack(panel, 0, in_, weights.ih + g * hidden_ * in_, in_, 1);
    hh_[g].pack(panel, 0, hidden_, weights.hh + g * hidden_ * hidden_, hidden_, 1);
  });
  float* start = start_.reserve(kind_.blocks * hidden_);
  for (int64_t g = 0; g < kind_.gates; g++) {
    const int64_t from_input = kind_.input_block[g], from_hidden = kind_.hidden_block + g;
    for (int64_t unit = 0; unit < hidden_; unit++) {
      const float bias_ih = weights.bias_ih[g * hidden_ + unit],
                  bias_hh = weights.bias_hh[g * hidden_ + unit];
      start[from_input * hidden_ + unit] = from_input == from_hidden ? bias_ih + bias_hh : bias_ih;
      if (from_input != from_hidden) start[from_hidden * hidden_ + unit] = bias_hh;
    }
  }
}

void RnnLayer::pack_backward(const LayerWeights<const float>& weights, SpinPool& pool) {
  ih_back_.reserve(in_, kind_.gates * hidden_);
  hh_back_.reserve(hidden_, kind_.gates * hidden_);
  pool.each(panels_of(in_), [&](int64_t panel) {
    for (int64_t g = 0; g < kind_.gates; g++) {
      ih_back_.pack(panel, kind_.input_block[g] * hidden_, hidden_, weights.ih + g * hidden_ * in_, 1, in_);
    }
  });
  pool.each(panels_of(hidden_),
            [&](int64_t panel) { hh_back_.pack(panel, 0, kind_.gates * hidden_, weights.hh, 1, hidden_); });
}

void RnnLayer::forward(const PackedBatch& batch, const LayerWeights<const float>& weights, const float* x_t,
                       SpinPool& pool) {
  width_ = batch.width;
  state_ = hidden_ * width_;
  rows_ = width_ * row_size(hidden_);
  pack_forward(weights, pool);
  gates_t_.reserve(batch.time * kind_.blocks * state_);
  h_t_.reserve((batch.time + 1) * state_);
  if (cell_ == Cell::lstm) std::fill_n(c_t_.reserve((batch.time + 1) * state_), state_, 0.0f);
  h_rows_.reserve((batch.time + 1) * rows_);
  std::fill_n(h_t_.get(), state_, 0.0f);
  std::fill_n(h_rows_.get(), rows_, 0.0f);

  each_range(pool, panels_of(hidden_), [&](int64_t first, int64_t end) {
    for (int64_t t = 0; t < batch.time; t++) {
      for (int64_t panel = first; panel < end; panel++) {
        for (int64_t g = 0; g < kind_.gates; g++) {
          const int64_t row = kind_.input_block[g] * hidden_ + panel * panel_rows;
          kernels().multiply({.x = ih_[g].scalars(panel),
                              .w = {x_t + t * in_ * width_, width_},
                              .rows = units_of(panel),
                              .columns = batch.used[t],
                              .count = in_,
                              .start = start_.get() + row,
                              .out = gates_at(t) + row * width_,
                              .out_stride = width_});
        }
      }
    }
  });
  for (int64_t t = 0; t < batch.time; t++) {
    each_range(pool, panels_of(hidden_), [&](int64_t first, int64_t end) { step(batch, t, first, end); });
  }
  pool.each(batch.time, [&](int64_t t) {
    kernels().transpose(h_at(t + 1), width_, hidden_, batch.used[t], h_rows_.get() + (t + 1) * rows_,
                        row_size(hidden_));
  });
}

void RnnLayer::step(const PackedBatch& batch, int64_t t, int64_t first_panel, int64_t end_panel) {
  for (int64_t panel = first_panel; panel < end_panel; panel++) {
    for (int64_t g = 0; g < kind_.gates; g++) {
      const int64_t block = kind_.hidden_block + g, row = block * hidden_ + panel * panel_rows;
      kernels().multiply({.x = hh_[g].scalars(panel),
                          .w = {h_at(t), width_},
                          .rows = units_of(panel),
                          .columns = batch.used[t],
                          .count = hidden_,
                          .start = block == kind_.input_block[g] ? nullptr : start_.get() + row,
                          .out = gates_at(t) + row * width_,
                          .out_stride = width_});
    }
  }
  const int64_t unit = first_panel * panel_rows, at = unit * width_;
  const bool has_c = cell_ == Cell::lstm;
  const CellStep cells{.gates = gates_at(t) + at,
                       .gate_stride = state_,
                       .old_h = h_at(t) + at,
                       .old_c = has_c ? c_at(t) + at : nullptr,
                       .h = h_at(t + 1) + at,
                       .c = has_c ? c_at(t + 1) + at : nullptr,
                       .units = std::min(hidden_, end_panel * panel_rows) - unit,
                       .lanes = width_,
                       .used = batch.used[t]};
  switch (cell_) {
    case Cell::lstm:
      return kernels().lstm_forward(cells);
    case Cell::gru:
      return kernels().gru_forward(cells);
    case Cell::rnn:
      return kernels().rnn_forward(cells);
  }
}

void RnnLayer::backward(const PackedBatch& batch, const LayerWeights<const float>& weights,
                        const LayerWeights<float>& grads, const float* x_rows, float* d_out_t, float* d_x_t,
                        SpinPool& pool) {
  pack_backward(weights, pool);
  float* d_c = d_c_t_.reserve(state_);
  std::fill_n(d_c, state_, 0.0f);
  for (int64_t t = batch.time - 1; t >= 0; t--) {
    each_range(pool, panels_of(hidden_),
               [&](int64_t first, int64_t end) { step_back(batch, t, first, end, d_out_t, d_c); });
  }
  input_gradient(batch, d_x_t, pool);
  weight_gradients(batch, grads, x_rows, pool);
}

void RnnLayer::step_back(const PackedBatch& batch, int64_t t, int64_t first_panel, int64_t end_panel,
                         float* d_out_t, float* d_c) {
  float* d_h = d_out_t + t * state_;
  // What the hidden state contributes to the next time step. One gate after the other, since the derivatives
  // of one stay in cache.
  for (int64_t g = 0; t + 1 < batch.time && g < kind_.gates; g++) {
    for (int64_t panel = first_panel; panel < end_panel; panel++) {
      kernels().multiply({.x = hh_back_.scalars(panel, g * hidden_),
                          .w = {gates_at(t + 1, kind_.hidden_block + g), width_},
                          .rows = units_of(panel),
                          .columns = batch.used[t + 1],
                          .count = hidden_,
                          .start = nullptr,
                          .out = d_h + panel * panel_rows * width_,
                          .out_stride = width_});
    }
  }
  const int64_t unit = first_panel * panel_rows, at = unit * width_;
  const bool has_c = cell_ == Cell::lstm;
  const CellGradient cells{.gates = gates_at(t) + at,
                           .gate_stride = state_,
                           .old_h = h_at(t) + at,
                           .old_c = has_c ? c_at(t) + at : nullptr,
                           .c = has_c ? c_at(t + 1) + at : nullptr,
                           .d_h = d_h + at,
                           .d_c = d_c + at,
                           .d_old_h = t > 0 ? d_h - state_ + at : nullptr,
                           .units = std::min(hidden_, end_panel * panel_rows) - unit,
                           .lanes = width_,
                           .used = batch.used[t]};
  switch (cell_) {
    case Cell::lstm:
      return kernels().lstm_backward(cells);
    case Cell::gru:
      return kernels().gru_backward(cells);
    case Cell::rnn:
      return kernels().rnn_backward(cells);
  }
}

void RnnLayer::input_gradient(const PackedBatch& batch, float* d_x_t, SpinPool& pool) {
  each_range(pool, panels_of(in_), [&](int64_t first, int64_t end) {
    for (int64_t t = 0; t < batch.time; t++) {
      for (int64_t g = 0; g < kind_.gates; g++) {
        for (int64_t panel = first; panel < end; panel++) {
          kernels().multiply({.x = ih_back_.scalars(panel, g * hidden_),
                              .w = {gates_at(t, g), width_},
                              .rows = ih_back_.rows_of(panel),
                              .columns = batch.used[t],
                              .count = hidden_,
                              .start = g == 0 ? zeros : nullptr,
                              .out = d_x_t + (t * in_ + panel * panel_rows) * width_,
                              .out_stride = width_});
        }
      }
    }
  });
}

void RnnLayer::weight_gradients(const PackedBatch& batch, const LayerWeights<float>& grads,
                                const float* x_rows, SpinPool& pool) {
  // Each gate's units in ranges of at most 8 panels, several for each thread.
  const int64_t panels = panels_of(hidden_);
  const int64_t ranges =
      std::min(panels, std::max<int64_t>((panels + 7) / 8, 4 * pool.threads() / kind_.gates + 1));
  // Sum over time steps and sequences of the derivatives of a gate x the row of the input.
  const auto add = [&](const float* from, int64_t features, int64_t block, int64_t unit, int64_t units,
                       float* grad) {
    const int64_t stride = row_size(features);
    for (int64_t t = 0, end; t < batch.time; t = end) {
      const int64_t count = batch.used[t];
      end = t + 1;  // number of time steps with equally many columns that are summed at once
      while (end < batch.time && batch.used[end] == count && (end + 1 - t) * count <= summed_positions) end++;
      kernels().multiply({.x = {gates_at(t, block) + unit * width_, width_, 1, kind_.blocks * state_},
                          .w = {from + t * width_ * stride, stride, width_ * stride},
                          .rows = units,
                          .columns = features,
                          .count = count,
                          .blocks = end - t,
                          .start = nullptr,
                          .out = grad,
                          .out_stride = features});
    }
  };
  pool.each(kind_.gates * ranges, [&](int64_t i) {
    const int64_t g = i / ranges, range = i % ranges, unit = panels * range / ranges * panel_rows;
    const int64_t units = std::min(hidden_, panels * (range + 1) / ranges * panel_rows) - unit;
    const int64_t row = g * hidden_ + unit;
    const int64_t from_input = kind_.input_block[g], from_hidden = kind_.hidden_block + g;
    add(x_rows, in_, from_input, unit, units, grads.ih + row * in_);
    add(h_rows_.get(), hidden_, from_hidden, unit, units, grads.hh + row * hidden_);
    for (int64_t t = 0; t < batch.time; t++) {
      const auto add_bias = [&](int64_t block, float* grad) {
        kernels().add_row_sums(gates_at(t, block) + unit * width_, width_, units, batch.used[t], grad + row);
      };
      add_bias(from_input, grads.bias_ih);
      add_bias(from_hidden, grads.bias_hh);
    }
  });
}

}  // namespace tangshi
