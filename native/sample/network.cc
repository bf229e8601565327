#include "sample/network.h"

#include <algorithm>

namespace tangshi {
namespace {

// From this size on the weights no longer stay in a core's own cache, and reading half as many bytes pays.
constexpr int64_t half_from_hidden = 512;

bool in_half(const ModelConfig& config) { return config.hidden_dim >= half_from_hidden; }

}  // namespace

Network::Network(const ModelImpl& model)
    : config_(model.config()),
      embedding_(model.embedding_weight().detach().cpu()),
      output_(model.output_weight(), model.output_bias(), in_half(config_)) {
  for (int64_t layer = 0; layer < config_.layers; layer++) {
    const std::vector<at::Tensor>& weights = model.layer_weights(layer);
    layers_.push_back({PackedLinear(weights[0], weights[2], in_half(config_)),
                       PackedLinear(weights[1], weights[3], in_half(config_))});
  }
}

Network::State::State(const Network& network, int64_t rows, SpinPool& team)
    : network_(network),
      team_(team),
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
  const float* table = network_.embedding_.const_data_ptr<float>();
  for (int64_t row = 0; row < rows_; row++) {
    std::copy_n(table + ids[row] * width, width, input_.data() + row * width);
  }
  for (size_t layer = 0; layer < network_.layers_.size(); layer++) {
    const float* x = layer == 0 ? input_.data() : h(layer - 1);
    network_.layers_[layer].input(x, layer == 0 ? width : hidden_, rows_, from_input_.data(), team_);
    network_.layers_[layer].hidden(h(layer), hidden_, rows_, from_hidden_.data(), team_);
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
  network_.output_(h(network_.config_.layers - 1), hidden_, rows_, logits_.data(), team_);
  if (!network_.config_.relu_logits) return;
  for (float& logit : logits_) logit = std::max(logit, 0.0f);
}

std::span<float> Network::State::logits(int64_t row) {
  return {logits_.data() + row * network_.output_.width(), static_cast<size_t>(network_.config_.vocab_size)};
}

void Network::State::select(std::span<const int64_t> rows) {
  const std::vector<float> old_h = h_, old_c = c_;
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
