// A form that a poem is held to while it is drawn: which characters may stand at each place, and how places
// rhyme.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tangshi {

struct Guide {
  // Of a plan's entry: the place rhymes with those before it; the rest of the entry is the index of a mask.
  static constexpr int32_t rhymes = 1 << 16;

  std::vector<uint8_t> masks;               // [n, vocab], 1 where an id may stand
  std::vector<uint32_t> groups;             // [vocab], the rhyme groups of each id as bits; 0 for none
  uint32_t allowed_groups = 0;              // to rhyme in
  std::vector<std::vector<int32_t>> plans;  // of each prompt, for each id after its preface
};

// How far one sequence has come in its plan.
class Guided {
 public:
  Guided(const Guide& guide, size_t prompt)
      : guide_(&guide), plan_(&guide.plans[prompt]), groups_(guide.allowed_groups) {}

  bool is_done() const { return place_ == plan_->size(); }
  // Takes away the logits of what may not stand here. What rhymes is of a group of all rhymes before, and
  // none of them again; where nothing is left, first the one and then the other is given up.
  void restrict(std::span<float> logits) const;
  // The id that stands here.
  void take(int32_t id);

 private:
  bool rhymes_here() const { return ((*plan_)[place_] & Guide::rhymes) != 0; }
  bool is_free(int32_t id) const;

  const Guide* guide_;
  const std::vector<int32_t>* plan_;
  size_t place_ = 0;
  uint32_t groups_;            // that all rhymes so far have in common
  std::vector<int32_t> used_;  // rhymes so far
};

}  // namespace tangshi
