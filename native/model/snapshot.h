// The whole state of a training as named tensors in bytes, and back.
#pragma once

#include <map>
#include <string>

#include "train/trainer.h"

namespace tangshi {

struct TensorBytes {
  std::string dtype;  // F32, I64 or U8
  std::vector<int64_t> shape;
  std::vector<uint8_t> data;  // little-endian, row-major
};

// model: PyTorch's names; optimizer: optim.step and optim.<average>.<parameter>; generator: rng.generator
using State = std::map<std::string, TensorBytes>;

State snapshot(Trainer& trainer);

// Throws std::invalid_argument, and has then changed nothing, unless every tensor of the model is there with
// its dtype and shape, and either all or none of the optimizer's, and no other.
void restore(Trainer& trainer, const State& state);

}  // namespace tangshi
