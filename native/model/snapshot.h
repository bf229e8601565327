// A training as named tensors in bytes, and back.
#pragma once

#include "model/tensor_bytes.h"
#include "train/trainer.h"

namespace tangshi {

// The weights alone: F32, under PyTorch's names.
TensorMap model_weights(const Parameters& parameters);

// The weights, the optimizer's state and the generator's: all that a training needs to go on.
TensorMap snapshot(Trainer& trainer);

// Needs every tensor of the model and either all or none of the optimizer's, with their dtypes and shapes,
// and no others. Otherwise throws std::invalid_argument. Whatever it throws, as when memory runs out, it has
// changed nothing.
void restore(Trainer& trainer, const TensorMap& state);

}  // namespace tangshi
