#include "train/batch.h"

#include <algorithm>

namespace tangshi {

int64_t Batch::tokens() const {
  return std::count_if(targets.begin(), targets.end(), [](int32_t target) { return target >= 0; });
}

std::vector<float> Batch::loss_weights() const {
  if (!weights.empty()) return weights;
  return std::vector<float>(rows, 1.0f / static_cast<float>(std::max<int64_t>(tokens(), 1)));
}

}  // namespace tangshi
