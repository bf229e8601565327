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

RnnLayer::RnnLayer(Cell cell, int64_t in, int64_t hidden, const Arithmetic& arithmetic, Buffer& panels)
    : cell_(cell),
      kind_(gates_of(cell)),
      in_(in),
      hidden_(hidden),
      arithmetic_(arithmetic),
      panels_(panels),
      ih_(arithmetic),
      hh_(arithmetic),
      ih_back_(arithmetic),
      hh_back_(arithmetic) {}

const float* RnnLayer::h_words_at(int64_t t) const {
  return arithmetic_.converts() ? h_words_t_.get() + t * words_ : h_at(t);
}

const float* RnnLayer::d_units_at(int64_t t, int64_t block) const {
  return arithmetic_.converts() ? d_units_.get() + (t * kind_.blocks + block) * words_ : gates_at(t, block);
}

Scalars RnnLayer::d_sequences_at(int64_t t, int64_t block, int64_t unit) const {
  const int64_t row = arithmetic_.words(width_), step = kind_.blocks * hidden_ * row;
  const float* first = arithmetic_.converts() ? d_sequences_.get() : gates_t_.get();
  return {first + t * step + (block * hidden_ + unit) * row, row, 1, step};
}

void RnnLayer::pack_forward(const LayerWeights<const float>& weights, SpinPool& pool) {
  const int64_t ih = ih_.size(hidden_, kind_.gates, in_), hh = hh_.size(hidden_, kind_.gates, hidden_);
  float* memory = panels_.reserve(ih + hh);
  ih_.lay_out(memory, hidden_, kind_.gates, in_);
  hh_.lay_out(memory + ih, hidden_, kind_.gates, hidden_);
  pool.each(kind_.gates * panels_of(hidden_), [&](int64_t i) {
    const int64_t g = i % kind_.gates, panel = i / kind_.gates;
    ih_.pack(panel, g, in_, weights.ih + g * hidden_ * in_, in_);
    hh_.pack(panel, g, hidden_, weights.hh + g * hidden_ * hidden_, hidden_);
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
  const int64_t ih = ih_back_.size(in_, kind_.gates, hidden_),
                hh = hh_back_.size(hidden_, kind_.gates, hidden_);
  float* memory = panels_.reserve(ih + hh);
  ih_back_.lay_out(memory, in_, kind_.gates, hidden_);
  hh_back_.lay_out(memory + ih, hidden_, kind_.gates, hidden_);
  const auto pack = [&](Panels& panels, const float* matrix, int64_t columns, auto block_of) {
    pool.each(panels_of(columns), [&](int64_t panel) {
      for (int64_t g = 0; g < kind_.gates; g++)
        panels.pack_transposed(panel, block_of(g), hidden_, matrix + g * hidden_ * columns, columns);
    });
  };
  pack(ih_back_, weights.ih, in_, [&](int64_t g) { return kind_.input_block[g]; });
  pack(hh_back_, weights.hh, hidden_, [](int64_t g) { return g; });
}

void RnnLayer::forward(const PackedBatch& batch, const LayerWeights<const float>& weights, const float* x_t,
                       SpinPool& pool) {
  width_ = batch.width;
  state_ = hidden_ * width_;
  words_ = arithmetic_.words(hidden_) * width_;
  rows_ = arithmetic_.words(width_) * row_size(hidden_);
  pack_forward(weights, pool);
  gates_t_.reserve(batch.time * kind_.blocks * state_);
  h_t_.reserve((batch.time + 1) * state_);
  if (cell_ == Cell::lstm) std::fill_n(c_t_.reserve((batch.time + 1) * state_), state_, 0.0f);
  h_rows_.reserve((batch.time + 1) * rows_);
  std::fill_n(h_t_.get(), state_, 0.0f);
  std::fill_n(h_rows_.get(), rows_, 0.0f);
  if (arithmetic_.converts()) std::fill_n(h_words_t_.reserve((batch.time + 1) * words_), words_, 0.0f);

  const int64_t inputs = arithmetic_.words(in_);
  each_range(pool, panels_of(hidden_), [&](int64_t first, int64_t end) {
    for (int64_t t = 0; t < batch.time; t++) {
      for (int64_t panel = first; panel < end; panel++) {
        for (int64_t g = 0; g < kind_.gates; g++) {
          const int64_t row = kind_.input_block[g] * hidden_ + panel * panel_rows;
          arithmetic_.multiply({.x = ih_.scalars(panel, g),
                                .w = {x_t + t * inputs * width_, width_},
                                .rows = units_of(panel),
                                .columns = batch.used[t],
                                .count = inputs,
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
    arithmetic_.transpose(h_at(t + 1), width_, hidden_, batch.used[t], h_rows_.get() + (t + 1) * rows_,
                          row_size(hidden_));
  });
}

void RnnLayer::step(const PackedBatch& batch, int64_t t, int64_t first_panel, int64_t end_panel) {
  for (int64_t panel = first_panel; panel < end_panel; panel++) {
    for (int64_t g = 0; g < kind_.gates; g++) {
      const int64_t block = kind_.hidden_block + g, row = block * hidden_ + panel * panel_rows;
      arithmetic_.multiply({.x = hh_.scalars(panel, g),
                            .w = {h_words_at(t), width_},
                            .rows = units_of(panel),
                            .columns = batch.used[t],
                            .count = arithmetic_.words(hidden_),
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
      kernels().lstm_forward(cells);
      break;
    case Cell::gru:
      kernels().gru_forward(cells);
      break;
    case Cell::rnn:
      kernels().rnn_forward(cells);
      break;
  }
  if (arithmetic_.converts()) {
    arithmetic_.along_rows(cells.h, width_, cells.units, cells.used,
                           h_words_t_.get() + (t + 1) * words_ + arithmetic_.words(unit) * width_, width_);
  }
}

void RnnLayer::backward(const PackedBatch& batch, const LayerWeights<const float>& weights,
                        const LayerWeights<float>& grads, const float* x_rows, float* d_out_t, float* d_x_t,
                        SpinPool& pool) {
  pack_backward(weights, pool);
  if (arithmetic_.converts()) {
    d_units_.reserve(batch.time * kind_.blocks * words_);
    d_sequences_.reserve(batch.time * kind_.blocks * hidden_ * arithmetic_.words(width_));
  }
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
      arithmetic_.multiply({.x = hh_back_.scalars(panel, g),
                            .w = {d_units_at(t + 1, kind_.hidden_block + g), width_},
                            .rows = units_of(panel),
                            .columns = batch.used[t + 1],
                            .count = arithmetic_.words(hidden_),
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
      kernels().lstm_backward(cells);
      break;
    case Cell::gru:
      kernels().gru_backward(cells);
      break;
    case Cell::rnn:
      kernels().rnn_backward(cells);
      break;
  }
  if (arithmetic_.converts()) convert_derivatives(t, unit, cells.units, cells.used);
}

void RnnLayer::convert_derivatives(int64_t t, int64_t unit, int64_t units, int64_t used) {
  const int64_t row = arithmetic_.words(width_);
  for (int64_t block = 0; block < kind_.blocks; block++) {
    const int64_t at = t * kind_.blocks + block;
    const float* from = gates_at(t, block) + unit * width_;
    arithmetic_.along_rows(from, width_, units, used,
                           d_units_.get() + at * words_ + arithmetic_.words(unit) * width_, width_);
    arithmetic_.along_columns(from, width_, units, used, d_sequences_.get() + (at * hidden_ + unit) * row,
                              row);
  }
}

void RnnLayer::input_gradient(const PackedBatch& batch, float* d_x_t, SpinPool& pool) {
  each_range(pool, panels_of(in_), [&](int64_t first, int64_t end) {
    for (int64_t t = 0; t < batch.time; t++) {
      for (int64_t g = 0; g < kind_.gates; g++) {
        for (int64_t panel = first; panel < end; panel++) {
          arithmetic_.multiply({.x = ih_back_.scalars(panel, g),
                                .w = {d_units_at(t, g), width_},
                                .rows = ih_back_.rows_of(panel),
                                .columns = batch.used[t],
                                .count = arithmetic_.words(hidden_),
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
    const int64_t row = row_size(features), step = arithmetic_.words(width_) * row;
    for (int64_t t = 0, end; t < batch.time; t = end) {
      const int64_t count = batch.used[t];
      end = t + 1;  // number of time steps with equally many columns that are summed at once
      while (end < batch.time && batch.used[end] == count && (end + 1 - t) * count <= summed_positions) end++;
      arithmetic_.multiply({.x = d_sequences_at(t, block, unit),
                            .w = {from + t * step, row, step},
                            .rows = units,
                            .columns = features,
                            .count = arithmetic_.words(count),
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
