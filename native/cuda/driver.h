// CUDA: what this machine has, found without loading anything of libtorch, and the loading of libtorch's
// part. It takes seconds and half a gigabyte, so only a session on a GPU does it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cuda/graph.h"
#include "libtorch.h"

namespace tangshi {

struct CudaDevice {
  std::string name;
  uint64_t memory;  // in bytes
};

struct CudaFacts {
  std::vector<CudaDevice> devices;
  int driver = 0;       // the newest CUDA version it knows, 13000 for 13.0; 0 without a driver
  std::string problem;  // why no device can be used, and what mends it; empty when they can
};

// Takes a moment: the driver starts.
CudaFacts find_cuda();

// Makes libtorch and this thread ready for a device; nothing to do for the CPU. libtorch looks for CUDA once,
// when the first work begins: what works on the CPU first stays there. What the thread does on a GPU goes
// through a queue of its own. Throws NoDevice.
void prepare_device(const at::Device& device);

// For steps on the GPU that was prepared; null where the addon was built without CUDA's headers.
std::unique_ptr<GraphMaker> graph_maker();

class NoDevice : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace tangshi
