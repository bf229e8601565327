#include "kernels.h"
#include "simd.h"

namespace tangshi::LEVEL {

void lstm_cell(const float* from_input, const float* from_hidden, int64_t hidden, float* h, float* c) {
  each_vector(hidden, [&](int64_t at, int64_t count) {
    const auto gate = [&](int64_t index) {
      const int64_t place = index * hidden + at;
      return load(from_input + place, count, 0) + load(from_hidden + place, count, 0);
    };
    const Vec in = sigmoid(gate(0)), forget = sigmoid(gate(1)), cell = tanh(gate(2)), out = sigmoid(gate(3));
    const Vec next = forget * load(c + at, count, 0) + in * cell;
    store(c + at, next, count);
    store(h + at, out * tanh(next), count);
  });
}

namespace {

// Calls body(element, count) for the vectors of all units.
template <typename Step, typename Body>
inline void each_cell(const Step& step, Body body) {
  for (int64_t row = 0; row < step.units * step.lanes; row += step.lanes) {
    each_vector(step.used, [&](int64_t lane, int64_t count) { body(row + lane, count); });
  }
}

}  // namespace

void lstm_forward(const CellStep& s) {
  each_cell(s, [&](int64_t at, int64_t count) {
    float* gates = s.gates + at;
    const auto gate = [&](int64_t index) { return load(gates + index * s.gate_stride, count, 0); };
    const Vec in = sigmoid(gate(0)), forget = sigmoid(gate(1)), cell = tanh(gate(2)), out = sigmoid(gate(3));
    const Vec next = forget * load(s.old_c + at, count, 0) + in * cell;
    store(s.c + at, next, count);
    store(s.h + at, out * tanh(next), count);
    store(gates, in, count);
    store(gates + s.gate_stride, forget, count);
    store(gates + 2 * s.gate_stride, cell, count);
    store(gates + 3 * s.gate_stride, out, count);
  });
}

void gru_forward(const CellStep& s) {
  each_cell(s, [&](int64_t at, int64_t count) {
    float* gates = s.gates + at;
    const auto gate = [&](int64_t index) { return load(gates + index * s.gate_stride, count, 0); };
    const Vec reset = sigmoid(gate(1)), update = sigmoid(gate(2)), fresh = tanh(gate(0) + reset * gate(3));
    const Vec old = load(s.old_h + at, count, 0);
    store(s.h + at, fresh + update * (old - fresh), count);
    store(gates, fresh, count);
    store(gates + s.gate_stride, reset, count);
    store(gates + 2 * s.gate_stride, update, count);
  });
}

void rnn_forward(const CellStep& s) {
  each_cell(s, [&](int64_t at, int64_t count) {
    const Vec next = tanh(load(s.gates + at, count, 0));
    store(s.h + at, next, count);
    store(s.gates + at, next, count);
  });
}

void lstm_backward(const CellGradient& s) {
  each_cell(s, [&](int64_t at, int64_t count) {
    float* gates = s.gates + at;
    const auto gate = [&](int64_t index) { return load(gates + index * s.gate_stride, count, 0); };
    const Vec in = gate(0), forget = gate(1), cell = gate(2), out = gate(3);
    const Vec shown = tanh(load(s.c + at, count, 0)), d_out = load(s.d_h + at, count, 0);
    const Vec d_cell = load(s.d_c + at, count, 0) + d_out * out * (1.0f - shown * shown);
    store(s.d_c + at, d_cell * forget, count);
    store(gates, d_cell * cell * in * (1.0f - in), count);
    store(gates + s.gate_stride, d_cell * load(s.old_c + at, count, 0) * forget * (1.0f - forget), count);
    store(gates + 2 * s.gate_stride, d_cell * in * (1.0f - cell * cell), count);
    store(gates + 3 * s.gate_stride, d_out * shown * out * (1.0f - out), count);
  });
}

void gru_backward(const CellGradient& s) {
  each_cell(s, [&](int64_t at, int64_t count) {
    float* gates = s.gates + at;
    const auto gate = [&](int64_t index) { return load(gates + index * s.gate_stride, count, 0); };
    const Vec fresh = gate(0), reset = gate(1), update = gate(2), carried = gate(3);
    const Vec d_out = load(s.d_h + at, count, 0), old = load(s.old_h + at, count, 0);
    const Vec d_fresh = d_out * (1.0f - update) * (1.0f - fresh * fresh);
    store(gates, d_fresh, count);
    store(gates + s.gate_stride, d_fresh * carried * reset * (1.0f - reset), count);
    store(gates + 2 * s.gate_stride, d_out * (old - fresh) * update * (1.0f - update), count);
    store(gates + 3 * s.gate_stride, d_fresh * reset, count);
    if (s.d_old_h != nullptr) {
      store(s.d_old_h + at, load(s.d_old_h + at, count, 0) + d_out * update, count);
    }
  });
}

void rnn_backward(const CellGradient& s) {
  each_cell(s, [&](int64_t at, int64_t count) {
    const Vec h = load(s.gates + at, count, 0);
    store(s.gates + at, load(s.d_h + at, count, 0) * (1.0f - h * h), count);
  });
}

void gru_cell(const float* from_input, const float* from_hidden, int64_t hidden, float* h) {
  each_vector(hidden, [&](int64_t at, int64_t count) {
    const auto input = [&](int64_t index) { return load(from_input + index * hidden + at, count, 0); };
    const auto carried = [&](int64_t index) { return load(from_hidden + index * hidden + at, count, 0); };
    const Vec reset = sigmoid(input(0) + carried(0)), update = sigmoid(input(1) + carried(1));
    const Vec fresh = tanh(input(2) + reset * carried(2));
    const Vec old = load(h + at, count, 0);
    store(h + at, fresh + update * (old - fresh), count);
  });
}

void rnn_cell(const float* from_input, const float* from_hidden, int64_t hidden, float* h) {
  each_vector(hidden, [&](int64_t at, int64_t count) {
    store(h + at, tanh(load(from_input + at, count, 0) + load(from_hidden + at, count, 0)), count);
  });
}

}  // namespace tangshi::LEVEL
