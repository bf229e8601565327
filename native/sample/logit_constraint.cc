#include "sample/logit_constraint.h"

#include <algorithm>
#include <cmath>

namespace tangshi {

void Guided::restrict(std::span<float> logits) const {
  const uint8_t* mask = guide_->masks.data() + ((*plan_)[place_] & (Guide::rhymes - 1)) * logits.size();
  const auto count = static_cast<int32_t>(logits.size());
  // False, and nothing is taken away, when nothing would be left.
  const auto keep = [&](auto may_stand) {
    int32_t first = 0;
    while (first < count && !may_stand(first)) first++;
    if (first == count) return false;
    for (int32_t id = 0; id < count; id++) {
      if (id < first || !may_stand(id)) logits[id] = -INFINITY;
    }
    return true;
  };
  if (rhymes_here()) {
    const auto in_group = [&](int32_t id) { return mask[id] != 0 && (guide_->groups[id] & groups_) != 0; };
    if (keep([&](int32_t id) { return in_group(id) && is_free(id); })) return;
    if (keep(in_group)) return;
  }
  keep([&](int32_t id) { return mask[id] != 0; });
}

void Guided::take(int32_t id) {
  if (rhymes_here()) {
    if ((guide_->groups[id] & groups_) != 0) groups_ &= guide_->groups[id];
    used_.push_back(id);
  }
  place_++;
}

bool Guided::is_free(int32_t id) const { return std::find(used_.begin(), used_.end(), id) == used_.end(); }

}  // namespace tangshi
