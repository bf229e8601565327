#include "cuda/tensor_logit_processors.h"

#include <algorithm>

namespace tangshi {
namespace {

constexpr int64_t bits_per_word = 32;

at::Tensor to_tensor(const std::vector<int32_t>& ids, const at::Device& device) {
  return at::tensor(at::ArrayRef<int32_t>(ids), at::kLong).to(device);
}

void set_bits(const std::vector<uint32_t>& words, at::TensorAccessor<bool, 1> bits) {
  for (int64_t i = 0; i < bits.size(0); i++)
    bits[i] = (words[i / bits_per_word] >> i % bits_per_word & 1) != 0;
}

at::Tensor any_in_row(const at::Tensor& condition) { return condition.any(1, /*keepdim=*/true); }

}  // namespace

TensorSequences::TensorSequences(const std::vector<std::vector<int32_t>>& prompts,
                                 const GenerateOptions& options, int64_t vocab_size, const at::Device& device)
    : vocab_size_(vocab_size),
      rows_(at::arange(static_cast<int64_t>(prompts.size()), at::kLong).to(device)),
      drawn_(at::zeros_like(rows_)) {
  if (options.logits.repetition_penalty != 0) count_prompts(prompts, options);
  if (options.logits.constraint) follow_prompts(prompts, options);
}

void TensorSequences::count_prompts(const std::vector<std::vector<int32_t>>& prompts,
                                    const GenerateOptions& options) {
  const auto rows = static_cast<int64_t>(prompts.size());
  at::Tensor counting = at::ones({vocab_size_}), counts = at::zeros({rows, vocab_size_});
  for (const int32_t id : options.logits.repeatable) counting[id] = 0;
  auto count = counts.accessor<float, 2>();
  for (int64_t row = 0; row < rows; row++) {
    for (size_t i = options.preface; i < prompts[row].size(); i++) count[row][prompts[row][i]]++;
  }
  counting_ = counting.to(rows_.device());
  counts_ = counts.mul_(counting).to(rows_.device());
}

void TensorSequences::follow_prompts(const std::vector<std::vector<int32_t>>& prompts,
                                     const GenerateOptions& options) {
  const LogitConstraint& constraint = *options.logits.constraint;
  const auto rows = static_cast<int64_t>(prompts.size());
  const auto groups = static_cast<int64_t>(constraint.words()) * bits_per_word;
  std::vector<ConstraintState> states;
  size_t positions = 1, rhymes = 0;
  for (size_t row = 0; row < prompts.size(); row++) {
    ConstraintState& state = states.emplace_back(constraint, row);
    for (size_t i = options.preface; i < prompts[row].size() && !state.is_done(); i++) {
      state.advance(prompts[row][i]);
    }
    positions = std::max(positions, constraint.plans[row].size());
    rhymes = std::max(rhymes, state.rhymes().size());
  }
  const auto none = static_cast<int64_t>(rhymes);  // the extra rhyme, for positions that do not rhyme

  const auto longs = at::TensorOptions(at::kLong), bools = at::TensorOptions(at::kBool);
  at::Tensor masks = at::zeros({rows, static_cast<int64_t>(positions)}, longs);
  at::Tensor plan_rhymes = at::full({rows, static_cast<int64_t>(positions)}, none, longs);
  at::Tensor position = at::zeros({rows}, longs), of_ids = at::zeros({vocab_size_, groups}, bools);
  at::Tensor of_rhymes = at::zeros({rows, none + 1, groups}, bools);
  at::Tensor used = at::zeros({rows, none + 1, vocab_size_}, bools);
  auto of_id = of_ids.accessor<bool, 2>();
  for (int64_t id = 0; id < vocab_size_; id++) {
    const auto words = constraint.groups_of(static_cast<int32_t>(id));
    set_bits({words.begin(), words.end()}, of_id[id]);
  }
  auto mask = masks.accessor<int64_t, 2>(), rhyme = plan_rhymes.accessor<int64_t, 2>();
  auto of_rhyme = of_rhymes.accessor<bool, 3>(), is_used = used.accessor<bool, 3>();
  for (int64_t row = 0; row < rows; row++) {
    const auto& plan = constraint.plans[row];
    for (size_t i = 0; i < plan.size(); i++) {
      mask[row][i] = plan[i].mask;
      if (plan[i].rhyme != LogitConstraint::no_rhyme) rhyme[row][i] = plan[i].rhyme;
    }
    position[row] = static_cast<int64_t>(states[row].position());
    for (size_t r = 0; r < states[row].rhymes().size(); r++) {
      set_bits(states[row].rhymes()[r].groups, of_rhyme[row][r]);
      for (const int32_t id : states[row].rhymes()[r].used) is_used[row][r][id] = true;
    }
  }
  const at::Device device = rows_.device();
  plan_masks_ = masks.to(device);
  plan_rhymes_ = plan_rhymes.to(device);
  position_ = position.to(device);
  groups_ = of_ids.to(device);
  rhyme_groups_ = of_rhymes.to(device);
  used_ = used.to(device);
}

at::Tensor TensorSequences::here(const at::Tensor& plan) const {
  // A complete sequence stays at its last position; ids drawn after that are ignored.
  return plan.gather(1, position_.clamp_max(plan.size(1) - 1).unsqueeze(1)).squeeze(1);
}

void TensorSequences::advance(const at::Tensor& ids, const at::Tensor& drawn) {
  drawn_.add_(drawn);
  if (counts_.defined()) {
    const at::Tensor weight = counting_.index_select(0, ids) * drawn;
    counts_.scatter_add_(1, ids.unsqueeze(1), weight.unsqueeze(1));
  }
  if (!position_.defined()) return;
  const at::Tensor rhyme = here(plan_rhymes_);  // [rows]
  const at::Tensor of_rhyme = rhyme_groups_.index({rows_, rhyme});
  const at::Tensor common = groups_.index_select(0, ids).logical_and(of_rhyme);
  const at::Tensor narrows = any_in_row(common).logical_and(drawn.unsqueeze(1));
  rhyme_groups_.index_put_({rows_, rhyme}, at::where(narrows, common, of_rhyme));
  used_.index_put_({rows_, rhyme, ids}, used_.index({rows_, rhyme, ids}).logical_or(drawn));
  position_.add_(drawn);
}

TensorLogitProcessors::TensorLogitProcessors(const LogitOptions& options, int64_t vocab_size,
                                             const at::Device& device)
    : penalty_(options.repetition_penalty),
      end_id_(options.end_id),
      min_new_tokens_(options.min_new_tokens),
      banned_(to_tensor(options.banned, device)) {
  if (!options.constraint) return;
  const std::vector<uint8_t>& masks = options.constraint->masks;
  masks_ = at::tensor(at::ArrayRef<uint8_t>(masks), at::kByte).ne(0).view({-1, vocab_size}).to(device);
}

void TensorLogitProcessors::penalize(at::Tensor& logits, const TensorSequences& sequences) const {
  if (penalty_ != 0) logits.sub_(sequences.counts_ * penalty_);
}

void TensorLogitProcessors::constrain(at::Tensor& logits, const TensorSequences& sequences) const {
  if (!masks_.defined()) return;
  const at::Tensor& rows = sequences.rows_;
  const at::Tensor mask = masks_.index_select(0, sequences.here(sequences.plan_masks_));  // [rows, vocab]
  const at::Tensor rhyme = sequences.here(sequences.plan_rhymes_);                        // [rows]
  const at::Tensor rhymes = rhyme.lt(sequences.used_.size(1) - 1).unsqueeze(1);
  const at::Tensor shared = at::mm(sequences.rhyme_groups_.index({rows, rhyme}).to(at::kFloat),
                                   sequences.groups_.t().to(at::kFloat));
  const at::Tensor in_group = mask.logical_and(shared.gt(0)).logical_and(rhymes);
  const at::Tensor unused = in_group.logical_and(sequences.used_.index({rows, rhyme}).logical_not());
  const at::Tensor allowed =
      at::where(any_in_row(unused), unused, at::where(any_in_row(in_group), in_group, mask));
  logits.masked_fill_(allowed.logical_not().logical_and(any_in_row(allowed)), -INFINITY);
}

void TensorLogitProcessors::ban(at::Tensor& logits, const TensorSequences& sequences) const {
  logits.index_fill_(1, banned_, -INFINITY);
  if (min_new_tokens_ > 0)
    logits.select(1, end_id_).masked_fill_(sequences.drawn_.lt(min_new_tokens_), -INFINITY);
}

}  // namespace tangshi
