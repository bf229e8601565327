// All parameters of a model in one flat tensor, and the gradients in another with the same layout, so that
// the gradient norm, clipping and the optimizer are each one operation over contiguous memory.
#pragma once

#include <string>
#include <vector>

#include "libtorch.h"
#include "model/model_config.h"

namespace tangshi {

struct ParameterSlice {
  std::string name;  // PyTorch's name
  std::vector<int64_t> shape;
  int64_t offset;  // in elements

  // A view of this parameter in a flat tensor, in its own shape.
  at::Tensor of(const at::Tensor& flat) const;
};

struct Parameters {
  std::vector<ParameterSlice> slices;  // in the order of parameter_specs()
  at::Tensor values;                   // [n]

  // Of a parameter by its name, which must exist.
  int64_t offset(const std::string& name) const;
};

// Parameters on this device with this dtype, all zero. Each is aligned to a cache line of 32-bit numbers; on
// a GPU the four tensors of a layer are adjacent, as cuDNN requires (cuda/cudnn.h).
Parameters allocate_parameters(const ModelConfig& config, const at::TensorOptions& options);

// Draws the initial weights on the CPU, so that they are the same on every device: embedding U(-1, 1), layers
// U(-1/sqrt(H), 1/sqrt(H)), output weight U(-4/sqrt(H), 4/sqrt(H)) or Xavier, output bias 0. A tied embedding
// is drawn like the output weight.
void draw_initial_weights(const ModelConfig& config, Parameters& parameters, at::Generator& generator);

// [n], zeros.
at::Tensor allocate_gradients(const Parameters& parameters);

}  // namespace tangshi
