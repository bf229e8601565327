#include "sampler.h"

#include <algorithm>

#include "tensor_sampler.h"

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

// Of a single sequence. Weights are read once a character: more threads would wait for memory and each other.
constexpr int most_helpers = 3;

// A GPU takes its time for each character, however few there are: so small models and few sequences are the
// CPU's, from a copy of the weights. In weights x sequences; npm run bench -- --device cuda shows where the
// two meet.
constexpr int64_t most_products_for_cpu = 20'000'000;

// Draws for one row; true while the row goes on.
bool advance(Row& row, std::span<float> logits, const SampleOptions& options, Draw& draw) {
  const int32_t id = draw(logits, row.random);
  if (id == options.end_id) {
    row.out->ended = true;
    return false;
  }
  row.out->ids.push_back(id);
  return static_cast<int64_t>(row.out->ids.size()) < options.max_new_tokens;
}

void decode(Decoder::State state, std::vector<Row> rows, Draw draw, const SampleOptions& options,
            const std::function<bool()>& canceled) {
  std::vector<int32_t> ids;
  std::vector<int64_t> kept;
  while (!rows.empty() && !canceled()) {
    ids.clear();
    for (Row& row : rows) ids.push_back(row.next_input());
    state.advance(ids);
    if (std::all_of(rows.begin(), rows.end(), [](const Row& row) { return row.in_prompt(); })) continue;
    state.predict();
    kept.clear();
    for (size_t r = 0; r < rows.size(); r++) {
      if (rows[r].in_prompt() || advance(rows[r], state.logits(r), options, draw)) kept.push_back(r);
    }
    if (kept.size() == rows.size()) continue;
    // Finished rows leave.
    state.keep(kept);
    for (size_t r = 0; r < kept.size(); r++) rows[r] = rows[kept[r]];
    rows.erase(rows.begin() + kept.size(), rows.end());
  }
}

// Sends the helpers away however decoding ends.
struct Dismissal {
  Team& team;
  ~Dismissal() { team.dismiss(); }
};

}  // namespace

std::vector<Sample> sample(Trainer& trainer, const std::vector<std::vector<int32_t>>& prompts,
                           const SampleOptions& options, const std::function<bool()>& canceled) {
  std::vector<Sample> samples(prompts.size());
  if (prompts.empty() || options.max_new_tokens == 0) return samples;
  const auto count = static_cast<int64_t>(prompts.size());
  const int64_t products = count * trainer.parameters().values.numel();
  if (!trainer.model()->device().is_cpu() && products > most_products_for_cpu) {
    return sample_by_tensors(*trainer.model(), trainer.gpu().precision, prompts, options, canceled);
  }
  const auto rows_of = [&](const Range& range) {
    std::vector<Row> rows;
    for (int64_t i = range.begin; i < range.end; i++) {
      rows.push_back({&prompts[i], 0, Random(options.seed, i), &samples[i]});
    }
    return rows;
  };
  const Draw draw(options.draw, trainer.model()->config().vocab_size);
  const Decoder& decoder = trainer.decoder();
  Shards& shards = trainer.shards();
  if (count == 1) {
    const int helpers = std::min(shards.count() - 1, most_helpers);
    Team team(helpers);
    shards.run([&](int shard) {
      if (shard > helpers) return;
      if (shard > 0) return team.help();
      const Dismissal when_done{team};
      decode(Decoder::State(decoder, 1, team), rows_of({0, 1}), draw, options, canceled);
    });
    return samples;
  }
  shards.run([&](int shard) {
    const Range share = shards.share(shard, count);
    if (share.size() == 0) return;
    Team alone(0);
    decode(Decoder::State(decoder, share.size(), alone), rows_of(share), draw, options, canceled);
  });
  return samples;
}

}  // namespace tangshi
