// The form of generated sequences: which ids are allowed at each position, and which positions rhyme.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tangshi {

struct LogitConstraint {
  static constexpr int32_t no_rhyme = -1;

  struct Position {
    int32_t mask;   // index of a mask
    int32_t rhyme;  // positions with the same index, counted from 0, rhyme with each other; or no_rhyme
  };

  std::vector<uint8_t> masks;                // [n, vocab], 1 if an id is allowed
  std::vector<uint32_t> groups;              // [vocab, words], the rhyme groups of each id as a bit set
  std::vector<uint32_t> allowed_groups;      // [words], groups allowed for rhymes
  std::vector<std::vector<Position>> plans;  // one per prompt, for the ids after its preface

  size_t words() const { return allowed_groups.size(); }
  std::span<const uint32_t> groups_of(int32_t id) const { return {groups.data() + id * words(), words()}; }
};

// Progress of one sequence in its plan.
class ConstraintState {
 public:
  ConstraintState(const LogitConstraint& constraint, size_t prompt);

  bool is_done() const { return position_ == plan_->size(); }
  size_t position() const { return position_; }
  // Sets the logits of ids that are not allowed at this position to -infinity. A rhyming id must share a
  // group with all earlier ids of its rhyme and differ from them. If no id is left, the second condition is
  // dropped, then the first.
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
  Rhyme* rhyme_here();

  const LogitConstraint* constraint_;
  const std::vector<LogitConstraint::Position>* plan_;
  size_t position_ = 0;
  std::vector<Rhyme> rhymes_;
};

}  // namespace tangshi
