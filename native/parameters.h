// All parameters in one flat tensor and all gradients in another, so that the gradient norm, clipping and the
// optimizer each are one operation over contiguous memory.
#pragma once

#include <string>
#include <vector>

#include "model.h"

namespace tangshi {

struct ParameterSlice {
  std::string name;
  std::vector<int64_t> shape;
  int64_t offset;  // in elements

  // This parameter's part of a flat tensor, in its own shape.
  at::Tensor of(const at::Tensor& flat) const;
};

struct Parameters {
  std::vector<ParameterSlice> slices;
  at::Tensor values;  // [n]; the model's parameters are views of it
  at::Tensor grads;   // [n]; the parameters' .grad are views of it, so backward adds to it
};

// Moves the model's parameters into flat storage.
Parameters flatten_parameters(ModelImpl& model);

}  // namespace tangshi
