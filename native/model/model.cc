#include "model/model.h"

#include <algorithm>
#include <cmath>

#include "cuda/cudnn.h"
#include "train/lstm_layer.h"

namespace tangshi {
namespace {

const char* cell_name(Cell cell) {
  switch (cell) {
    case Cell::lstm:
      return "lstm";
    case Cell::gru:
      return "gru";
    case Cell::rnn:
      return "rnn";
  }
  TORCH_CHECK(false, "unknown cell");
}

std::shared_ptr<torch::nn::Module> make_cells(const ModelConfig& config) {
  switch (config.cell) {
    case Cell::lstm:
      return torch::nn::LSTM(
                 torch::nn::LSTMOptions(config.embed_dim, config.hidden_dim).num_layers(config.layers))
          .ptr();
    case Cell::gru:
      return torch::nn::GRU(
                 torch::nn::GRUOptions(config.embed_dim, config.hidden_dim).num_layers(config.layers))
          .ptr();
    case Cell::rnn:
      return torch::nn::RNN(
                 torch::nn::RNNOptions(config.embed_dim, config.hidden_dim).num_layers(config.layers))
          .ptr();
  }
  TORCH_CHECK(false, "unknown cell");
}

// Inverted dropout, by a generator of the tensor's device.
at::Tensor drop(const at::Tensor& x, double probability, const std::optional<at::Generator>& generator) {
  if (!generator || probability == 0) return x;
  const double keep = 1 - probability;
  return x * at::empty_like(x.detach()).bernoulli_(keep, generator).div_(keep);
}

// With fewer sequences most lanes of the kernels' vectors would be empty.
constexpr int64_t fewest_for_kernels = 8;

// One layer over all time steps. x: [time, batch, in]; h and c: [1, batch, hidden], replaced.
at::Tensor run_layer(Cell cell, const at::Tensor& x, at::TensorList weights,
                     const std::vector<int64_t>& running, at::Tensor& h, at::Tensor& c) {
  constexpr bool has_biases = true, bidirectional = false, batch_first = false;
  constexpr int64_t layers = 1;
  constexpr double dropout = 0;
  const bool train = at::GradMode::is_enabled();
  at::Tensor out;
  switch (cell) {
    case Cell::lstm:
      if (x.is_cpu() && x.size(1) >= fewest_for_kernels) {
        const LstmOutput result = lstm_layer(x, h, c, weights, running);
        h = result.h;
        c = result.c;
        return result.out;
      }
      std::tie(out, h, c) =
          at::lstm(x, {h, c}, weights, has_biases, layers, dropout, train, bidirectional, batch_first);
      break;
    case Cell::gru:
      std::tie(out, h) =
          at::gru(x, h, weights, has_biases, layers, dropout, train, bidirectional, batch_first);
      break;
    case Cell::rnn:
      std::tie(out, h) =
          at::rnn_tanh(x, h, weights, has_biases, layers, dropout, train, bidirectional, batch_first);
      break;
  }
  return out;
}

}  // namespace

ModelImpl::ModelImpl(const ModelConfig& config, const at::Device& device, at::Generator& generator)
    : config_(config) {
  TORCH_CHECK(!config.tie_weights || config.embed_dim == config.hidden_dim,
              "tied weights need embedDim = hiddenDim");
  embedding_ = register_module("embedding", torch::nn::Embedding(config.vocab_size, config.embed_dim));
  auto cells = register_module(cell_name(config.cell), make_cells(config));
  fc_ = register_module("fc", torch::nn::Linear(config.hidden_dim, config.vocab_size));
  initialize(generator);
  to(device);
  share_tied_weight();

  const std::vector<at::Tensor> weights = cells->parameters();
  for (size_t first = 0; first < weights.size(); first += 4) {
    cell_weights_.emplace_back(weights.begin() + first, weights.begin() + first + 4);
  }
}

void ModelImpl::initialize(at::Generator& generator) {
  at::NoGradGuard no_grad;
  const double cell_bound = 1 / std::sqrt(static_cast<double>(config_.hidden_dim));
  // Xavier is very narrow for so many classes: the network then foretells mere frequencies for an epoch or
  // two. With the wide bound the loss of the default preset is 5.6 after 400 steps, with Xavier still 6.5.
  const double output_bound =
      config_.xavier_output ? std::sqrt(6.0 / static_cast<double>(config_.vocab_size + config_.hidden_dim))
                            : 4 * cell_bound;
  for (auto& [name, parameter] : distinct_parameters()) {
    double bound = cell_bound;
    if (name == "embedding.weight") bound = config_.tie_weights ? output_bound : 1;
    if (name == "fc.weight") bound = output_bound;
    if (name == "fc.bias") bound = 0;
    parameter.uniform_(-bound, bound, generator);
  }
}

at::Tensor ModelImpl::forward(const at::Tensor& ids, HiddenState& state,
                              const std::optional<at::Generator>& dropout,
                              const std::vector<int64_t>& running) {
  at::Tensor x = drop(at::embedding(embedding_->weight, ids), config_.dropout, dropout);
  std::vector<at::Tensor> hs, cs;
  for (int64_t layer = 0; layer < config_.layers; layer++) {
    at::Tensor h = state.h.narrow(0, layer, 1);
    at::Tensor c = state.c.defined() ? state.c.narrow(0, layer, 1) : state.c;
    if (fit_for_cudnn_) {
      std::tie(x, h, c) = cudnn_layer(config_.cell, x, cell_weights_[layer], h, c);
    } else {
      x = run_layer(config_.cell, x, cell_weights_[layer], running, h, c);
    }
    x = drop(x, config_.dropout, dropout);
    hs.push_back(h);
    if (c.defined()) cs.push_back(c);
  }
  state.h = at::cat(hs);
  if (!cs.empty()) state.c = at::cat(cs);
  return x;
}

void ModelImpl::share_tied_weight() {
  if (config_.tie_weights) fc_->weight.set_data(embedding_->weight.data());
}

void ModelImpl::settle() {
  share_tied_weight();
  fit_for_cudnn_ = std::all_of(cell_weights_.begin(), cell_weights_.end(),
                               [&](const auto& weights) { return fit_for_cudnn(config_.cell, weights); });
}

HiddenState ModelImpl::zero_state(int64_t batch) const {
  const auto zeros = [&] {
    return at::zeros({config_.layers, batch, config_.hidden_dim}, fc_->bias.options().requires_grad(false));
  };
  return {zeros(), config_.cell == Cell::lstm ? zeros() : at::Tensor()};
}

at::Tensor ModelImpl::logits(const at::Tensor& hidden) const {
  at::Tensor out = at::linear(hidden, output_weight(), output_bias());
  return config_.relu_logits ? out.relu_() : out;
}

std::vector<std::pair<std::string, at::Tensor>> ModelImpl::distinct_parameters() const {
  std::vector<std::pair<std::string, at::Tensor>> distinct;
  for (const auto& item : named_parameters()) {
    if (config_.tie_weights && item.key() == "fc.weight") continue;
    distinct.emplace_back(item.key(), item.value());
  }
  return distinct;
}

}  // namespace tangshi
