// A session's turn to queue work on a GPU. What libtorch has but one of for all sessions, how it multiplies
// and the generator it draws by, is the session's own as long as the turn lasts.
#pragma once

#include <mutex>

#include "cuda/precision.h"

namespace tangshi {

class PrecisionGuard {
 public:
  explicit PrecisionGuard(Precision precision);

 private:
  std::lock_guard<std::mutex> lock_;
};

}  // namespace tangshi
