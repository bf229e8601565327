#include "sample/network.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace tangshi {
namespace {

// From this number of weights on, they no longer fit into the cache of a core, and reading half as many bytes
// pays off.
constexpr int64_t half_from_hidden = 512;

bool in_half(const ModelConfig& config) { return config.hidden_dim >= half_from_hidden; }

}  // namespace

Network::Network(const ModelConfig& config, const TensorMap& tensors)
    : Network(config, Weights(config, tensors)) {}

Network::Network(const ModelConfig& config, const Weights& weights)
    : config_(config),
      embedding_(weights.floats("embedding.weight")),
      output_(weights.floats(config.tie_weights ? "embedding.weight" : "fc.weight"),
              weights.floats("fc.bias"), in_half(config)) {
  for (int64_t layer = 0; layer < config.layers; layer++) {
    const auto linear = [&](const char* part) {
      const auto named = [&](const char* kind) {
        return weights.floats(layer_parameter(config.cell, kind, part, layer));
      };
      return PackedLinear(named("weight"), named("bias"), in_half(config));
    };
    layers_.push_back({linear("ih"), linear("hh")});
  }
}

int64_t Network::parameter_count() const {
  int64_t count = 0;
  for (const ParameterSpec& spec : parameter_specs(config_)) {
    count += std::accumulate(spec.shape.begin(), spec.shape.end(), int64_t{1}, std::multiplies<int64_t>());
  }
  return count;
}

Network::State::State(const Network& network, int64_t rows, SpinPool& pool)
    : network_(network),
      pool_(pool),
      hidden_(network.config_.hidden_dim),
      capacity_(rows),
      rows_(rows),
      h_(network.config_.layers * rows * hidden_),
      c_(network.config_.cell == Cell::lstm ? h_.size() : 0),
      input_(rows * network.config_.embed_dim),
      from_input_(rows * network.layers_[0].input.width()),
      from_hidden_(from_input_.size()),
      logits_(rows * network.output_.width()) {}

void Network::State::advance(std::span<const int32_t> ids) {
  const int64_t width = network_.config_.embed_dim;
  const float* table = network_.embedding_.data();
  for (int64_t row = 0; row < rows_; row++) {
    std::copy_n(table + ids[row] * width, width, input_.data() + row * width);
  }
  for (size_t layer = 0; layer < network_.layers_.size(); layer++) {
    const float* x = layer == 0 ? input_.data() : h(layer - 1);
    network_.layers_[layer].input(x, layer == 0 ? width : hidden_, rows_, from_input_.data(), pool_);
    network_.layers_[layer].hidden(h(layer), hidden_, rows_, from_hidden_.data(), pool_);
    run_cells(layer);
  }
}

void Network::State::run_cells(int64_t layer) {
  const int64_t stride = network_.layers_[layer].input.width();
  for (int64_t row = 0; row < rows_; row++) {
    const float* from_input = from_input_.data() + row * stride;
    const float* from_hidden = from_hidden_.data() + row * stride;
    switch (network_.config_.cell) {
      case Cell::lstm:
        kernels().lstm_cell(from_input, from_hidden, hidden_, h(layer, row), c(layer, row));
        break;
      case Cell::gru:
        kernels().gru_cell(from_input, from_hidden, hidden_, h(layer, row));
        break;
      case Cell::rnn:
        kernels().rnn_cell(from_input, from_hidden, hidden_, h(layer, row));
        break;
    }
  }
}

void Network::State::predict() {
  network_.output_(h(network_.config_.layers - 1), hidden_, rows_, logits_.data(), pool_);
  if (!network_.config_.relu_logits) return;
  kernels().relu(logits_.data(), rows_ * network_.output_.width());
}

std::span<float> Network::State::logits(int64_t row) {
  return {logits_.data() + row * network_.output_.width(), static_cast<size_t>(network_.config_.vocab_size)};
}

void Network::State::select(std::span<const int64_t> rows) {
  const AlignedVector<float> old_h = h_, old_c = c_;
  for (int64_t layer = 0; layer < network_.config_.layers; layer++) {
    for (size_t to = 0; to < rows.size(); to++) {
      const int64_t from = (layer * capacity_ + rows[to]) * hidden_;
      std::copy_n(old_h.data() + from, hidden_, h(layer, to));
      if (!c_.empty()) std::copy_n(old_c.data() + from, hidden_, c(layer, to));
    }
  }
  rows_ = static_cast<int64_t>(rows.size());
}

}  // namespace tangshi
