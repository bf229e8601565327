// Serialises access to libtorch's process-wide precision flags. During its lifetime, they are set for this
// session, and no other session queues work on a GPU.
#pragma once

#include <mutex>

#include "model/precision.h"

namespace tangshi {

class PrecisionGuard {
 public:
  explicit PrecisionGuard(Precision precision);

 private:
  std::lock_guard<std::mutex> lock_;
};

}  // namespace tangshi
