#include "model/model_config.h"

#include <utility>

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

std::string layer_parameter(Cell cell, const std::string& kind, const std::string& part, int64_t layer) {
  return spec_of(cell).name + "." + kind + "_" + part + "_l" + std::to_string(layer);
}

std::vector<ParameterSpec> parameter_specs(const ModelConfig& config) {
  const int64_t rows = spec_of(config.cell).gates * config.hidden_dim;
  std::vector<ParameterSpec> specs = {{"embedding.weight", {config.vocab_size, config.embed_dim}}};
  for (int64_t layer = 0; layer < config.layers; layer++) {
    const auto add = [&](const char* kind, const char* part, std::vector<int64_t> shape) {
      specs.push_back({layer_parameter(config.cell, kind, part, layer), std::move(shape)});
    };
    add("weight", "ih", {rows, layer == 0 ? config.embed_dim : config.hidden_dim});
    add("weight", "hh", {rows, config.hidden_dim});
    add("bias", "ih", {rows});
    add("bias", "hh", {rows});
  }
  if (!config.tie_weights) specs.push_back({"fc.weight", {config.vocab_size, config.hidden_dim}});
  specs.push_back({"fc.bias", {config.vocab_size}});
  return specs;
}

}  // namespace tangshi
