// The form of generated sequences: which ids are allowed at each position, which positions rhyme, and which
// repeat others.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tangshi {

struct LogitConstraint {
  static constexpr int32_t no_rhyme = -1, no_repeat = -1;

  struct Position {
    int32_t mask;              // index of a mask
    int32_t rhyme = no_rhyme;  // positions with the same index, counted from 0, rhyme; or no_rhyme
    int32_t table = 0;  // index of a table: an id has other groups in a level tone than in an oblique one
    int32_t repeated = no_repeat;  // index of an earlier position that has the same id; or no_repeat
  };

  std::vector<uint8_t> masks;                 // [n, vocab], 1 if an id is allowed
  std::vector<std::vector<uint32_t>> tables;  // [vocab, words] each, the rhyme groups of each id as a bit set
  std::vector<uint32_t> allowed_groups;       // [words], groups allowed for rhymes
  std::vector<std::vector<Position>> plans;   // one per prompt, for the ids after its preface

  size_t words() const { return allowed_groups.size(); }
  size_t vocab() const { return tables[0].size() / words(); }
  std::span<const uint32_t> groups_of(int32_t table, int32_t id) const {
    return {tables[table].data() + id * words(), words()};
  }

  // Removes ids from all masks, so that a sequence never falls back to one.
  void exclude(std::span<const int32_t> ids);
  // For each mask: whether it allows no id.
  std::vector<bool> empty_masks() const;
};

// Progress of one sequence in its plan.
class ConstraintState {
 public:
  ConstraintState(const LogitConstraint& constraint, size_t prompt);

  bool is_done() const { return ids_.size() == plan_->size(); }
  const std::vector<int32_t>& ids() const { return ids_; }  // of the positions passed
  // Sets the logits of ids that are not allowed at this position to -infinity. A rhyming id must share a
  // group with all earlier ids of its rhyme and differ from them. If no id is left, the second condition is
  // dropped, then the first. At a position that repeats another, only its id is allowed, whatever the mask.
  void apply(std::span<float> logits) const;
  // Advances by the id chosen for this position.
  void advance(int32_t id);

  // State of a rhyme.
  struct Rhyme {
    std::vector<uint32_t> groups;  // [words], groups that all of its ids have in common
    std::vector<int32_t> used;     // its ids
  };
  const std::vector<Rhyme>& rhymes() const { return rhymes_; }

 private:
  const LogitConstraint::Position& here() const { return (*plan_)[ids_.size()]; }

  const LogitConstraint* constraint_;
  const std::vector<LogitConstraint::Position>* plan_;
  std::vector<int32_t> ids_;
  std::vector<Rhyme> rhymes_;
};

}  // namespace tangshi
