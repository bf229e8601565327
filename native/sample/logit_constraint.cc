#include "sample/logit_constraint.h"

#include <algorithm>
#include <cmath>

namespace tangshi {
namespace {

bool share_a_group(std::span<const uint32_t> a, std::span<const uint32_t> b) {
  for (size_t word = 0; word < a.size(); word++) {
    if ((a[word] & b[word]) != 0) return true;
  }
  return false;
}

// Keeps the ids that satisfy the condition. If none does, changes nothing and returns false.
template <typename Condition>
bool keep(std::span<float> logits, Condition may_stand) {
  const auto count = static_cast<int32_t>(logits.size());
  int32_t first = 0;
  while (first < count && !may_stand(first)) first++;
  if (first == count) return false;
  std::fill_n(logits.begin(), first, -INFINITY);
  for (int32_t id = first + 1; id < count; id++) {
    logits[id] = may_stand(id) ? logits[id] : -INFINITY;  // a branch would be slower
  }
  return true;
}

void keep_only(std::span<float> logits, int32_t id) {
  const float logit = logits[id];
  std::fill(logits.begin(), logits.end(), -INFINITY);
  logits[id] = logit;
}

}  // namespace

void LogitConstraint::exclude(std::span<const int32_t> ids) {
  for (size_t mask = 0; mask < masks.size(); mask += vocab()) {
    for (const int32_t id : ids) masks[mask + id] = 0;
  }
}

std::vector<bool> LogitConstraint::empty_masks() const {
  std::vector<bool> is_empty;
  for (auto first = masks.begin(); first != masks.end(); first += static_cast<ptrdiff_t>(vocab())) {
    is_empty.push_back(
        std::all_of(first, first + static_cast<ptrdiff_t>(vocab()), [](uint8_t is) { return is == 0; }));
  }
  return is_empty;
}

ConstraintState::ConstraintState(const LogitConstraint& constraint, size_t prompt)
    : constraint_(&constraint), plan_(&constraint.plans[prompt]) {
  int32_t last = LogitConstraint::no_rhyme;
  for (const auto& position : *plan_) last = std::max(last, position.rhyme);
  rhymes_.assign(last + 1, {constraint.allowed_groups, {}});
}

void ConstraintState::apply(std::span<float> logits) const {
  const auto [mask_index, rhyme_index, table, repeated] = here();
  if (repeated != LogitConstraint::no_repeat) return keep_only(logits, ids_[repeated]);
  const uint8_t* mask = constraint_->masks.data() + mask_index * logits.size();
  if (rhyme_index != LogitConstraint::no_rhyme) {
    const Rhyme& rhyme = rhymes_[rhyme_index];
    const size_t words = rhyme.groups.size();
    const uint32_t* groups = constraint_->tables[table].data();
    const auto in_group = [&](int32_t id) {
      return mask[id] != 0 && share_a_group({groups + id * words, words}, rhyme.groups);
    };
    const auto is_unused = [&](int32_t id) {
      return std::find(rhyme.used.begin(), rhyme.used.end(), id) == rhyme.used.end();
    };
    if (keep(logits, [&](int32_t id) { return in_group(id) && is_unused(id); })) return;
    if (keep(logits, in_group)) return;
  }
  keep(logits, [mask](int32_t id) { return mask[id] != 0; });
}

void ConstraintState::advance(int32_t id) {
  if (here().rhyme != LogitConstraint::no_rhyme) {
    Rhyme& rhyme = rhymes_[here().rhyme];
    const auto groups = constraint_->groups_of(here().table, id);
    if (share_a_group(groups, rhyme.groups)) {
      for (size_t word = 0; word < groups.size(); word++) rhyme.groups[word] &= groups[word];
    }
    rhyme.used.push_back(id);
  }
  ids_.push_back(id);
}

}  // namespace tangshi
