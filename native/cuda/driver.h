// Finds CUDA devices without loading libtorch's CUDA library, and loads that library. Loading takes seconds
// and half a gigabyte, so only a session on a GPU does it.
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
  int driver = 0;       // the newest CUDA version it supports, 13000 for 13.0; 0 without a driver
  std::string problem;  // why no device can be used, and how to fix that; empty if one can
};

// Initializes the driver, which may take a second.
CudaFacts find_cuda();

// The device for the index of a GPU, or the CPU for -1.
at::Device device_of(int index);

// Prepares libtorch and this thread for a device. libtorch looks for CUDA once, before its first operation:
// in a process that has already used it on the CPU, only the CPU is available. The thread gets its own
// stream. Throws Error.
void prepare_device(const at::Device& device);

// For the prepared GPU; null if the addon was built without CUDA's headers.
std::unique_ptr<GraphMaker> graph_maker();

}  // namespace tangshi
