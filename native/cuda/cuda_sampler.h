// Generates many sequences together on a GPU: characters are drawn there and read every so often.
#pragma once

#include <memory>

#include "cuda/precision.h"
#include "model/model_config.h"
#include "model/tensor_bytes.h"
#include "sample/accelerator.h"

namespace tangshi {

// device: the index of a GPU, see prepare_device; below 0 the CPU, for tests. Throws Error.
std::unique_ptr<Accelerator> open_cuda_sampler(const ModelConfig& config, const TensorMap& tensors,
                                               int device, Precision precision);

}  // namespace tangshi
