// A form that sequences are held to: which ids may stand at each position, and which positions rhyme.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tangshi {

struct LogitConstraint {
  static constexpr int32_t no_rhyme = -1;

  struct Position {
    int32_t mask;   // index of a mask
    int32_t rhyme;  // positions of the same rhyme, counted from 0, rhyme with each other; or no_rhyme
  };

  std::vector<uint8_t> masks;                // [n, vocab], 1 where an id may stand
  std::vector<uint32_t> groups;              // [vocab, words], the rhyme groups of each id as bits
  std::vector<uint32_t> allowed_groups;      // [words], to rhyme in
  std::vector<std::vector<Position>> plans;  // of each prompt, for each id after its preface

  size_t words() const { return allowed_groups.size(); }
  std::span<const uint32_t> groups_of(int32_t id) const { return {groups.data() + id * words(), words()}; }
};

// How far one sequence has come in its plan.
class ConstraintState {
 public:
  ConstraintState(const LogitConstraint& constraint, size_t prompt);

  bool is_done() const { return position_ == plan_->size(); }
  size_t position() const { return position_; }
  // Sets the logits of ids that may not stand here to -infinity. An id that rhymes shares a group with all
  // rhymes before it and is none of them. Where no id is left, the second condition is dropped, then the
  // first.
  void apply(std::span<float> logits) const;
  // The id that stands here.
  void advance(int32_t id);

  // What is known of each rhyme so far.
  struct Rhyme {
    std::vector<uint32_t> groups;  // [words], that all of its ids have in common
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
