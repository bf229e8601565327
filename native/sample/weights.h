// The weights of a model in their stored form, checked against its configuration.
#pragma once

#include <string>
#include <vector>

#include "model/model_config.h"
#include "model/tensor_bytes.h"

namespace tangshi {

class Weights {
 public:
  // Throws std::invalid_argument unless `tensors` has exactly the parameters of the model, in their shapes,
  // as F32, F16, or I8 with another tensor, name.scale: F32 [rows], the factor of each row. Keeps a reference
  // to `tensors`.
  Weights(const ModelConfig& config, const TensorMap& tensors);

  // One parameter in single precision, row-major.
  std::vector<float> floats(const std::string& name) const;

 private:
  const TensorMap& tensors_;
};

}  // namespace tangshi
