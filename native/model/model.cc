#include "model/model.h"

namespace tangshi {
namespace {

// The modules are created with parameters of one element each, which view() replaces. Otherwise torch::nn
// would allocate and initialize all of them.

torch::nn::Embedding make_embedding(const ModelConfig& config) {
  torch::nn::Embedding embedding(1, 1);
  embedding->options.num_embeddings(config.vocab_size).embedding_dim(config.embed_dim);
  return embedding;
}

template <typename Rnn, typename Options>
std::shared_ptr<torch::nn::Module> make_rnn(const ModelConfig& config) {
  Rnn rnn(Options(1, 1).num_layers(config.layers));
  rnn->options.input_size(config.embed_dim).hidden_size(config.hidden_dim);
  rnn->options_base.input_size(config.embed_dim).hidden_size(config.hidden_dim);
  return rnn.ptr();
}

std::pair<const char*, std::shared_ptr<torch::nn::Module>> make_rnn(const ModelConfig& config) {
  switch (config.cell) {
    case Cell::lstm:
      return {"lstm", make_rnn<torch::nn::LSTM, torch::nn::LSTMOptions>(config)};
    case Cell::gru:
      return {"gru", make_rnn<torch::nn::GRU, torch::nn::GRUOptions>(config)};
    case Cell::rnn:
      return {"rnn", make_rnn<torch::nn::RNN, torch::nn::RNNOptions>(config)};
  }
  TORCH_CHECK(false, "unknown cell");
}

torch::nn::Linear make_linear(const ModelConfig& config) {
  torch::nn::Linear linear(1, 1);
  linear->options.in_features(config.hidden_dim).out_features(config.vocab_size);
  return linear;
}

// Inverted dropout of x: [time, rows, features], with a generator on the tensor's device. A sequence has the
// same mask at all time steps (Gal and Ghahramani, A Theoretically Grounded Application of Dropout in
// Recurrent Neural Networks, 2016).
at::Tensor drop(const at::Tensor& x, double probability, const std::optional<at::Generator>& generator) {
  if (!generator || probability == 0) return x;
  const double keep = 1 - probability;
  return x * at::empty_like(x.detach().slice(0, 0, 1)).bernoulli_(keep, generator).div_(keep);
}

}  // namespace

ModelImpl::ModelImpl(const ModelConfig& config, const Parameters& parameters, const at::Tensor& grads,
                     LayerFunction run_layer)
    : config_(config), run_layer_(run_layer) {
  embedding_ = register_module("embedding", make_embedding(config));
  const auto [name, rnn] = make_rnn(config);
  register_module(name, rnn);
  fc_ = register_module("fc", make_linear(config));
  view(parameters, grads);
  const std::vector<at::Tensor> weights = rnn->parameters();
  for (size_t first = 0; first < weights.size(); first += 4) {
    layer_weights_.emplace_back(weights.begin() + first, weights.begin() + first + 4);
  }
}

void ModelImpl::view(const Parameters& parameters, const at::Tensor& grads) {
  auto named = named_parameters();
  for (const ParameterSlice& slice : parameters.slices) {
    at::Tensor& parameter = named[slice.name];
    parameter.set_data(slice.of(parameters.values));
    if (grads.defined()) parameter.mutable_grad() = slice.of(grads);
  }
  if (config_.tie_weights) fc_->weight.set_data(embedding_->weight.data());
}

at::Tensor ModelImpl::forward(const at::Tensor& ids, HiddenState& state,
                              const std::optional<at::Generator>& dropout,
                              const std::vector<int64_t>& batch_sizes) const {
  at::Tensor x = drop(at::embedding(embedding_->weight, ids), config_.dropout, dropout);
  std::vector<at::Tensor> hs, cs;
  for (int64_t layer = 0; layer < config_.layers; layer++) {
    const HiddenState before = {state.h.narrow(0, layer, 1),
                                state.c.defined() ? state.c.narrow(0, layer, 1) : at::Tensor()};
    const auto [out, after] = run_layer_(config_.cell, x, before, layer_weights_[layer], batch_sizes);
    x = drop(out, config_.dropout, dropout);
    hs.push_back(after.h);
    if (after.c.defined()) cs.push_back(after.c);
  }
  state.h = at::cat(hs);
  if (!cs.empty()) state.c = at::cat(cs);
  return x;
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

}  // namespace tangshi
