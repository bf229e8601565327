// Uninitialized memory for floats that is reused between steps: fresh pages from the system would cost 2% of
// a step.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/aligned.h"

namespace tangshi {

class Buffer {
 public:
  // At least n floats, aligned to a cache line. Those of the last call are lost if they were fewer.
  float* reserve(int64_t n) {
    if (n > size_) {
      memory_.reset();
      memory_.reset(CacheLineAllocator<float>().allocate(n));
      size_ = n;
    }
    return memory_.get();
  }
  float* get() const { return memory_.get(); }

 private:
  struct Free {
    void operator()(float* memory) const { CacheLineAllocator<float>().deallocate(memory, 0); }
  };

  std::unique_ptr<float[], Free> memory_;
  int64_t size_ = 0;
};

}  // namespace tangshi
