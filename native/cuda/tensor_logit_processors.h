// The logit processors for many sequences at once, with tensor operations that do not wait for the device.
#pragma once

#include "libtorch.h"
#include "sample/generate.h"

namespace tangshi {

// State of the processors for each sequence, on the device.
class TensorSequences {
 public:
  TensorSequences(const std::vector<std::vector<int32_t>>& prompts, const GenerateOptions& options,
                  int64_t vocab_size, const at::Device& device);

  // ids: [rows], the next id of each sequence; drawn: [rows] bool, false if the id is part of the prompt,
  // which is already taken into account.
  void advance(const at::Tensor& ids, const at::Tensor& drawn);

 private:
  friend class TensorLogitProcessors;
  void count_prompts(const std::vector<std::vector<int32_t>>& prompts, const GenerateOptions& options);
  void follow_prompts(const std::vector<std::vector<int32_t>>& prompts, const GenerateOptions& options);
  void copy_plans(const LogitConstraint& constraint, int64_t rhymes);
  void copy_tables(const LogitConstraint& constraint);
  void copy_states(const std::vector<ConstraintState>& states, int64_t rhymes);
  at::Tensor place() const;                       // [rows, 1], the current position
  at::Tensor here(const at::Tensor& plan) const;  // [rows, positions] -> [rows], at the current position
  at::Tensor in_group() const;  // [rows, vocab] bool, ids that share a group with the rhyme at this position

  const int64_t vocab_size_;
  const at::Tensor rows_;  // [rows]: 0, 1, …
  at::Tensor drawn_;       // [rows], number of ids drawn

  // With a penalty: the number of occurrences of each id in each sequence, [rows, vocab]; and [vocab], 0 for
  // exempt ids, else 1.
  at::Tensor counts_, counting_;

  // With a constraint, G rhyme groups and R rhymes. One extra rhyme stands for positions that do not rhyme.
  at::Tensor plan_masks_, plan_rhymes_, plan_tables_, plan_repeated_;  // [rows, positions]
  at::Tensor position_;                                                // [rows]
  at::Tensor ids_;           // [rows, positions], valid before the current position
  at::Tensor groups_;        // [vocab, tables, G] bool
  at::Tensor rhyme_groups_;  // [rows, R + 1, G] bool, groups that all ids of a rhyme have in common
  at::Tensor used_;          // [rows, R + 1, vocab] bool, ids of a rhyme
};

class TensorLogitProcessors {
 public:
  TensorLogitProcessors(const LogitOptions& options, int64_t vocab_size, const at::Device& device);

  // logits: [rows, vocab], changed in place.
  void penalize(at::Tensor& logits, const TensorSequences& sequences) const;
  void constrain(at::Tensor& logits, const TensorSequences& sequences) const;
  void ban(at::Tensor& logits, const TensorSequences& sequences) const;

 private:
  const double penalty_;
  const int64_t end_id_, min_new_tokens_;
  at::Tensor masks_;         // [n, vocab] bool, or undefined
  const at::Tensor banned_;  // [n]
};

}  // namespace tangshi
