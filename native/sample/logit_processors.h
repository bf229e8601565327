// Logit processing before a character is drawn: a penalty for repetition, the constraint of a form, bans.
// Their order is defined here, once, for both implementations: on arrays (below) and on tensors
// (cuda/tensor_logit_processors.cc).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sample/logit_constraint.h"

namespace tangshi {

struct LogitOptions {
  int32_t end_id = 0;          // ends a sequence
  int64_t min_new_tokens = 0;  // the end is not drawn before
  // Subtracted from the logit of an id for each of its occurrences in the sequence after the preface; in
  // nats.
  double repetition_penalty = 0;
  std::vector<int32_t> repeatable = {};  // exempt from the penalty; ascending
  std::optional<LogitConstraint> constraint = {};
  std::vector<int32_t> banned = {};  // never drawn
};

// Sequences: the state an implementation keeps for one or many sequences.
template <typename Processors, typename Logits, typename Sequences>
void process_logits(const Processors& processors, Logits&& logits, const Sequences& sequences) {
  processors.penalize(logits, sequences);
  processors.constrain(logits, sequences);
  processors.ban(logits, sequences);
}

// State of one sequence.
struct SequenceView {
  std::span<const int32_t> prompt;  // without its preface
  std::span<const int32_t> drawn;
  const ConstraintState* constraint;  // or null

  bool may_end(const LogitOptions& options) const {
    return static_cast<int64_t>(drawn.size()) >= options.min_new_tokens;
  }
};

class LogitProcessors {
 public:
  explicit LogitProcessors(const LogitOptions& options) : options_(options) {}

  // logits: [vocab], changed in place.
  void penalize(std::span<float> logits, const SequenceView& sequence) const;
  void constrain(std::span<float> logits, const SequenceView& sequence) const;
  void ban(std::span<float> logits, const SequenceView& sequence) const;

 private:
  const LogitOptions& options_;
};

}  // namespace tangshi
