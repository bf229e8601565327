// Memory for floats that is reused between steps: fresh pages from the system would cost 2% of
// a step.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include "kernels/aligned.h"

namespace tangshi {

class Buffer {
 public:
  // At least n floats, aligned to a cache line: those of the last call, or zeros if they were fewer.
  float* reserve(int64_t n) {
    if (n > size_) {
      memory_.reset();
      size_ = 0;
      memory_.reset(CacheLineAllocator<float>().allocate(n));
      size_ = n;
      std::fill_n(memory_.get(), n, 0.0f);  // padding is multiplied, too, and denormals would be slow
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
