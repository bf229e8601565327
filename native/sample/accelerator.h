// A device that generates many sequences at once, as an alternative to the CPU kernels.
#pragma once

#include <functional>
#include <vector>

#include "sample/generate.h"

namespace tangshi {

class Accelerator {
 public:
  virtual ~Accelerator() = default;
  // Like generate(), without beam search and listeners.
  virtual std::vector<Sample> generate(const std::vector<std::vector<int32_t>>& prompts,
                                       const GenerateOptions& options,
                                       const std::function<bool()>& canceled) = 0;
};

}  // namespace tangshi
