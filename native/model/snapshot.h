// The state of a training session as named tensors in bytes, and back.
#pragma once

#include "model/tensor_bytes.h"
#include "train/trainer.h"

namespace tangshi {

// Only the weights: F32, under PyTorch's names.
TensorMap model_weights(const Parameters& parameters);

// The weights and the state of the optimizer and of the generator: everything needed to resume training.
TensorMap snapshot(Trainer& trainer);

// Requires every tensor of the model and either all or none of the optimizer's, with their dtypes and shapes,
// and no others; otherwise throws std::invalid_argument. If it throws anything, even for lack of memory,
// nothing has changed.
void restore(Trainer& trainer, const TensorMap& state);

}  // namespace tangshi
