// Tensors as bytes, without libtorch: the format exchanged with JavaScript and stored in checkpoints.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tangshi {

struct TensorBytes {
  std::string dtype;  // F32, I64 or U8; also F16 and I8 for weights that are only read
  std::vector<int64_t> shape;
  std::vector<uint8_t> data;  // little-endian, row-major
};

// By name. model: PyTorch's names; optimizer: optim.step and optim.<average>.<parameter>; generator:
// rng.generator
using TensorMap = std::map<std::string, TensorBytes>;

}  // namespace tangshi
