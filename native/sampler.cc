#include "sampler.h"

#include <algorithm>

namespace tangshi {
namespace {

// One sequence in the making.
struct Row {
  const std::vector<int32_t>* prompt;
  size_t fed = 0;  // prompt ids given to the model so far
  Random random;
  Sample* out;

  bool in_prompt() const { return fed < prompt->size(); }
  int32_t next_input() { return in_prompt() ? (*prompt)[fed++] : out->ids.back(); }
};

// logits of the next character of each row: [rows, vocab] on the CPU.
at::Tensor step(ModelImpl& model, std::vector<Row>& rows, HiddenState& state) {
  at::Tensor ids = at::empty({1, static_cast<int64_t>(rows.size())}, at::kLong);
  int64_t* id = ids.mutable_data_ptr<int64_t>();
  for (Row& row : rows) *id++ = row.next_input();
  const at::Tensor hidden = model.forward(ids.to(model.device()), state, std::nullopt);
  return model.logits(hidden[0]).cpu().contiguous();
}

// Draws for one row; true while the row goes on.
bool advance(Row& row, std::span<const float> logits, const SampleOptions& options, Draw& draw) {
  if (row.in_prompt()) return true;
  const int32_t id = draw(logits, row.random);
  if (id == options.end_id) {
    row.out->ended = true;
    return false;
  }
  row.out->ids.push_back(id);
  return static_cast<int64_t>(row.out->ids.size()) < options.max_new_tokens;
}

}  // namespace

std::vector<Sample> sample(ModelImpl& model, const std::vector<std::vector<int32_t>>& prompts,
                           const SampleOptions& options, const std::function<bool()>& canceled) {
  at::NoGradGuard no_grad;
  std::vector<Sample> samples(prompts.size());
  if (prompts.empty() || options.max_new_tokens == 0) return samples;
  std::vector<Row> rows;
  for (size_t i = 0; i < prompts.size(); i++)
    rows.push_back({&prompts[i], 0, Random(options.seed, i), &samples[i]});

  const int64_t vocab = model.config().vocab_size;
  Draw draw(options.draw, vocab);
  HiddenState state = model.zero_state(static_cast<int64_t>(rows.size()));
  while (!rows.empty() && !canceled()) {
    const at::Tensor logits = step(model, rows, state);
    const float* row_logits = logits.const_data_ptr<float>();
    std::vector<Row> going;
    std::vector<int64_t> kept;
    for (size_t r = 0; r < rows.size(); r++, row_logits += vocab) {
      if (!advance(rows[r], {row_logits, static_cast<size_t>(vocab)}, options, draw)) continue;
      going.push_back(rows[r]);
      kept.push_back(static_cast<int64_t>(r));
    }
    // Finished rows leave the batch.
    if (going.size() < rows.size() && !going.empty()) {
      state = state.select(at::tensor(kept, at::kLong).to(model.device()));
    }
    rows = std::move(going);
  }
  return samples;
}

}  // namespace tangshi
