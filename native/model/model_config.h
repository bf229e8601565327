// The configuration of a model, without libtorch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tangshi {

enum class Cell { lstm, gru, rnn };

struct ModelConfig {
  Cell cell = Cell::lstm;
  int64_t vocab_size = 0;
  int64_t embed_dim = 0;
  int64_t hidden_dim = 0;
  int64_t layers = 0;
  double dropout = 0;        // on the embedding and on the output of each layer, in training
  bool tie_weights = false;  // the embedding matrix is shared with the output layer
  bool relu_logits = false;
  bool xavier_output = false;  // Xavier initialization of the output weight
};

// A parameter under PyTorch's name.
struct ParameterSpec {
  std::string name;
  std::vector<int64_t> shape;
};

// Each parameter once, in PyTorch's order: embedding.weight; for each layer weight_ih [gates x H, in],
// weight_hh [gates x H, H], bias_ih and bias_hh [gates x H]; fc.weight, unless it is tied; fc.bias.
std::vector<ParameterSpec> parameter_specs(const ModelConfig& config);

// PyTorch's name of a layer's parameter, such as lstm.weight_ih_l0. kind: weight or bias; part: ih or hh.
std::string layer_parameter(Cell cell, const std::string& kind, const std::string& part, int64_t layer);

}  // namespace tangshi
