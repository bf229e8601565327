#include "cuda/tensor_logit_processors.h"

#include <algorithm>

namespace tangshi {
namespace {

constexpr int64_t bits_per_word = 32;

at::Tensor to_tensor(const std::vector<int32_t>& ids, const at::Device& device) {
  return at::tensor(at::ArrayRef<int32_t>(ids), at::kLong).to(device);
}

void set_bits(std::span<const uint32_t> words, at::TensorAccessor<bool, 1> bits) {
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
  std::vector<ConstraintState> states;
  size_t rhymes = 0;
  for (size_t row = 0; row < prompts.size(); row++) {
    ConstraintState& state = states.emplace_back(constraint, row);
    for (size_t i = options.preface; i < prompts[row].size() && !state.is_done(); i++) {
      state.advance(prompts[row][i]);
    }
    rhymes = std::max(rhymes, state.rhymes().size());
  }
  copy_plans(constraint, static_cast<int64_t>(rhymes));
  copy_tables(constraint);
  copy_states(states, static_cast<int64_t>(rhymes));
}

void TensorSequences::copy_plans(const LogitConstraint& constraint, int64_t rhymes) {
  const int64_t rows = rows_.size(0);
  int64_t positions = 1;
  for (const auto& plan : constraint.plans) positions = std::max<int64_t>(positions, plan.size());
  const auto filled = [&](int64_t value) { return at::full({rows, positions}, value, at::kLong); };
  const at::Tensor masks = filled(0), plan_rhymes = filled(rhymes), tables = filled(0);
  const at::Tensor repeated = filled(LogitConstraint::no_repeat);
  auto mask = masks.accessor<int64_t, 2>(), rhyme = plan_rhymes.accessor<int64_t, 2>();
  auto table = tables.accessor<int64_t, 2>(), repeat = repeated.accessor<int64_t, 2>();
  for (int64_t row = 0; row < rows; row++) {
    const auto& plan = constraint.plans[row];
    for (size_t i = 0; i < plan.size(); i++) {
      mask[row][i] = plan[i].mask;
      if (plan[i].rhyme != LogitConstraint::no_rhyme) rhyme[row][i] = plan[i].rhyme;
      table[row][i] = plan[i].table;
      repeat[row][i] = plan[i].repeated;
    }
  }
  const at::Device device = rows_.device();
  plan_masks_ = masks.to(device);
  plan_rhymes_ = plan_rhymes.to(device);
  plan_tables_ = tables.to(device);
  plan_repeated_ = repeated.to(device);
}

void TensorSequences::copy_tables(const LogitConstraint& constraint) {
  const auto tables = static_cast<int64_t>(constraint.tables.size());
  const auto groups = static_cast<int64_t>(constraint.words()) * bits_per_word;
  const at::Tensor of_ids = at::zeros({vocab_size_, tables, groups}, at::kBool);
  auto of_id = of_ids.accessor<bool, 3>();
  for (int64_t id = 0; id < vocab_size_; id++) {
    for (int64_t table = 0; table < tables; table++) {
      set_bits(constraint.groups_of(static_cast<int32_t>(table), static_cast<int32_t>(id)), of_id[id][table]);
    }
  }
  groups_ = of_ids.to(rows_.device());
}

void TensorSequences::copy_states(const std::vector<ConstraintState>& states, int64_t rhymes) {
  const int64_t rows = rows_.size(0);
  const at::Tensor position = at::zeros({rows}, at::kLong), ids = at::zeros(plan_masks_.sizes(), at::kLong);
  const at::Tensor of_rhymes = at::zeros({rows, rhymes + 1, groups_.size(2)}, at::kBool);
  const at::Tensor used = at::zeros({rows, rhymes + 1, vocab_size_}, at::kBool);
  auto here = position.accessor<int64_t, 1>();
  auto id = ids.accessor<int64_t, 2>();
  auto of_rhyme = of_rhymes.accessor<bool, 3>(), is_used = used.accessor<bool, 3>();
  for (int64_t row = 0; row < rows; row++) {
    const ConstraintState& state = states[row];
    here[row] = static_cast<int64_t>(state.ids().size());
    std::copy(state.ids().begin(), state.ids().end(), id[row].data());
    for (size_t r = 0; r < state.rhymes().size(); r++) {
      set_bits(state.rhymes()[r].groups, of_rhyme[row][r]);
      for (const int32_t one : state.rhymes()[r].used) is_used[row][r][one] = true;
    }
  }
  const at::Device device = rows_.device();
  position_ = position.to(device);
  ids_ = ids.to(device);
  rhyme_groups_ = of_rhymes.to(device);
  used_ = used.to(device);
}

at::Tensor TensorSequences::place() const {
  // A complete sequence stays at its last position; ids drawn after that are ignored.
  return position_.clamp_max(plan_masks_.size(1) - 1).unsqueeze(1);
}

at::Tensor TensorSequences::here(const at::Tensor& plan) const { return plan.gather(1, place()).squeeze(1); }

at::Tensor TensorSequences::in_group() const {
  // One product for all tables: the groups of a rhyme stand in the columns of its table, [rows, tables * G].
  const at::Tensor of_rhyme = rhyme_groups_.index({rows_, here(plan_rhymes_)}).to(at::kFloat);  // [rows, G]
  const at::Tensor in_table =
      at::zeros({rows_.size(0), groups_.size(1), groups_.size(2)}, of_rhyme.options());
  in_table.index_put_({rows_, here(plan_tables_)}, of_rhyme);
  return at::mm(in_table.flatten(1), groups_.flatten(1).t().to(at::kFloat)).gt(0);
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
  const at::Tensor common = groups_.index({ids, here(plan_tables_)}).logical_and(of_rhyme);
  const at::Tensor narrows = any_in_row(common).logical_and(drawn.unsqueeze(1));
  rhyme_groups_.index_put_({rows_, rhyme}, at::where(narrows, common, of_rhyme));
  used_.index_put_({rows_, rhyme, ids}, used_.index({rows_, rhyme, ids}).logical_or(drawn));
  ids_.scatter_(1, place(), ids.unsqueeze(1));  // an id that is not drawn is overwritten by the one that is
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
  const at::Tensor in_group = mask.logical_and(sequences.in_group()).logical_and(rhymes);
  const at::Tensor unused = in_group.logical_and(sequences.used_.index({rows, rhyme}).logical_not());
  const at::Tensor drawable =
      at::where(any_in_row(unused), unused, at::where(any_in_row(in_group), in_group, mask));
  const at::Tensor repeated = sequences.here(sequences.plan_repeated_).unsqueeze(1);  // [rows, 1]
  const at::Tensor only =
      at::zeros_like(mask).scatter_(1, sequences.ids_.gather(1, repeated.clamp_min(0)), true);
  const at::Tensor allowed = at::where(repeated.ge(0), only, drawable);
  logits.masked_fill_(allowed.logical_not().logical_and(any_in_row(allowed)), -INFINITY);
}

void TensorLogitProcessors::ban(at::Tensor& logits, const TensorSequences& sequences) const {
  logits.index_fill_(1, banned_, -INFINITY);
  if (min_new_tokens_ > 0)
    logits.select(1, end_id_).masked_fill_(sequences.drawn_.lt(min_new_tokens_), -INFINITY);
}

}  // namespace tangshi
