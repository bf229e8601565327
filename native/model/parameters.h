// All parameters in one flat tensor and all gradients in another, so that the gradient norm, clipping and the
// optimizer each are one operation over contiguous memory. Replicas of a model share the parameters and have
// gradients of their own.
#pragma once

#include <string>
#include <vector>

#include "model/model.h"

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
  at::Tensor values;  // [n]; the models' parameters are views of it
  std::vector<at::Tensor>
      grads;  // of each replica [n]; its parameters' .grad are views of it: backward adds to it
};

// Moves the model's parameters into flat storage.
Parameters flatten_parameters(ModelImpl& model);

// Makes another model of the same configuration a replica: its own parameters are dropped.
void add_replica(Parameters& parameters, ModelImpl& model);

}  // namespace tangshi
