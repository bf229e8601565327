// Generates many sequences together on a GPU. Characters are drawn there and read in chunks.
#pragma once

#include <memory>

#include "model/model_config.h"
#include "model/precision.h"
#include "model/tensor_bytes.h"
#include "sample/accelerator.h"

namespace tangshi {

// device: the index of a GPU, see prepare_device, or below 0 for the CPU, in tests. Throws Error.
std::unique_ptr<Accelerator> open_cuda_sampler(const ModelConfig& config, const TensorMap& tensors,
                                               int device, Precision precision);

}  // namespace tangshi
