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

void lstm_forward(float* gates, const float* old_c, int64_t hidden, int64_t lanes, int64_t used, float* c,
                  float* h) {
  const int64_t n = hidden * lanes;
  for (int64_t row = 0; row < n; row += lanes) {
    each_vector(used, [&](int64_t lane, int64_t count) {
      const int64_t at = row + lane;
      const auto gate = [&](int64_t index) { return load(gates + index * n + at, count, 0); };
      const Vec in = sigmoid(gate(0)), forget = sigmoid(gate(1)), cell = tanh(gate(2)),
                out = sigmoid(gate(3));
      const Vec next = forget * load(old_c + at, count, 0) + in * cell;
      store(c + at, next, count);
      store(h + at, out * tanh(next), count);
      store(gates + at, in, count);
      store(gates + n + at, forget, count);
      store(gates + 2 * n + at, cell, count);
      store(gates + 3 * n + at, out, count);
    });
  }
}

void lstm_backward(float* gates, const float* old_c, const float* c, const float* d_h, int64_t hidden,
                   int64_t lanes, int64_t used, float* d_c) {
  const int64_t n = hidden * lanes;
  for (int64_t row = 0; row < n; row += lanes) {
    each_vector(used, [&](int64_t lane, int64_t count) {
      const int64_t at = row + lane;
      const auto gate = [&](int64_t index) { return load(gates + index * n + at, count, 0); };
      const Vec in = gate(0), forget = gate(1), cell = gate(2), out = gate(3);
      const Vec shown = tanh(load(c + at, count, 0)), d_out = load(d_h + at, count, 0);
      const Vec d_cell = load(d_c + at, count, 0) + d_out * out * (1.0f - shown * shown);
      store(d_c + at, d_cell * forget, count);
      store(gates + at, d_cell * cell * in * (1.0f - in), count);
      store(gates + n + at, d_cell * load(old_c + at, count, 0) * forget * (1.0f - forget), count);
      store(gates + 2 * n + at, d_cell * in * (1.0f - cell * cell), count);
      store(gates + 3 * n + at, d_out * shown * out * (1.0f - out), count);
    });
  }
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
