#include "sample/logit_processors.h"

#include <algorithm>
#include <cmath>

namespace tangshi {

void LogitProcessors::penalize(std::span<float> logits, const SequenceView& sequence) const {
  const auto penalty = static_cast<float>(options_.repetition_penalty);
  if (penalty == 0) return;
  const std::vector<int32_t>& exempt = options_.repeatable;
  for (const std::span<const int32_t> ids : {sequence.prompt, sequence.drawn}) {
    for (const int32_t id : ids) {
      if (!std::binary_search(exempt.begin(), exempt.end(), id)) logits[id] -= penalty;
    }
  }
}

void LogitProcessors::constrain(std::span<float> logits, const SequenceView& sequence) const {
  if (sequence.constraint != nullptr) sequence.constraint->apply(logits);
}

void LogitProcessors::ban(std::span<float> logits, const SequenceView& sequence) const {
  for (const int32_t id : options_.banned) logits[id] = -INFINITY;
  if (!sequence.may_end(options_)) logits[options_.end_id] = -INFINITY;
}

}  // namespace tangshi
