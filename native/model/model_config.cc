#include "model/model_config.h"

namespace tangshi {
namespace {

struct CellSpec {
  std::string name;
  int64_t gates;
};

CellSpec spec_of(Cell cell) {
  switch (cell) {
    case Cell::gru:
      return {"gru", 3};
    case Cell::rnn:
      return {"rnn", 1};
    default:
      return {"lstm", 4};
  }
}

}  // namespace

std::vector<ParameterSpec> parameter_specs(const ModelConfig& config) {
  const auto [cell, gates] = spec_of(config.cell);
  const int64_t rows = gates * config.hidden_dim;
  std::vector<ParameterSpec> specs = {{"embedding.weight", {config.vocab_size, config.embed_dim}}};
  for (int64_t layer = 0; layer < config.layers; layer++) {
    const std::string suffix = "_l" + std::to_string(layer);
    specs.push_back(
        {cell + ".weight_ih" + suffix, {rows, layer == 0 ? config.embed_dim : config.hidden_dim}});
    specs.push_back({cell + ".weight_hh" + suffix, {rows, config.hidden_dim}});
    specs.push_back({cell + ".bias_ih" + suffix, {rows}});
    specs.push_back({cell + ".bias_hh" + suffix, {rows}});
  }
  if (!config.tie_weights) specs.push_back({"fc.weight", {config.vocab_size, config.hidden_dim}});
  specs.push_back({"fc.bias", {config.vocab_size}});
  return specs;
}

}  // namespace tangshi
