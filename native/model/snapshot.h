// The whole state of a training as named tensors in bytes, and back.
#pragma once

#include "model/tensor_bytes.h"
#include "train/trainer.h"

namespace tangshi {

State snapshot(Trainer& trainer);

// Throws std::invalid_argument, and has then changed nothing, unless every tensor of the model is there with
// its dtype and shape, and either all or none of the optimizer's, and no other.
void restore(Trainer& trainer, const State& state);

}  // namespace tangshi
