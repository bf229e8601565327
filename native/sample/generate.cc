#include "sample/generate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cuda/cuda_sampler.h"
#include "cuda/cudnn.h"
#include "kernels/kernels.h"
#include "sample/beam_search.h"

namespace tangshi {
namespace {

// One sequence in the making.
struct Row {
  const std::vector<int32_t>* prompt;
  size_t place;  // of the prompt, among all
  size_t preface;
  size_t fed = 0;  // prompt ids given to the model so far
  Random random;
  Sample* out;
  std::optional<Guided> guided = {};

  bool in_prompt() const { return fed < prompt->size(); }
  int32_t next_input() {
    if (!in_prompt()) return out->ids.back();
    const int32_t id = (*prompt)[fed];
    if (guided && fed >= preface && !guided->is_done()) guided->take(id);
    fed++;
    return id;
  }
};

// Of a single sequence. Weights are read once a character: more threads would wait for memory and each other.
constexpr int most_helpers = 3;

// A GPU takes its time for each character, however few there are: so small models and few sequences are the
// CPU's, from a copy of the weights. In weights x sequences; npm run bench -- --device cuda shows where the
// two meet.
constexpr int64_t most_products_for_cpu = 20'000'000;

// What the tensor sampler does not know.
bool needs_network(const SampleOptions& options) {
  return options.guide || options.repetition_penalty != 0 || options.score || options.beam > 0;
}

// Draws for one row; true while the row goes on.
bool advance(Row& row, std::span<float> logits, const SampleOptions& options, Draw& draw,
             const OnDrawn& on_drawn) {
  if (row.guided && row.guided->is_done()) {  // the prompt was all of it
    row.out->ended = true;
    return false;
  }
  std::vector<float> raw;
  if (options.score) raw.assign(logits.begin(), logits.end());
  penalize(*row.prompt, row.out->ids, logits, options);
  if (row.guided) row.guided->restrict(logits);
  const int32_t id = draw(logits, row.random);
  if (options.score) row.out->log_prob += raw[id] - log_sum_exp(raw);
  if (id == options.end_id && !row.guided) {
    row.out->ended = true;
    return false;
  }
  row.out->ids.push_back(id);
  if (on_drawn) on_drawn(row.place, id);
  if (row.guided) {
    row.guided->take(id);
    row.out->ended = row.guided->is_done();
  }
  return !row.out->ended && static_cast<int64_t>(row.out->ids.size()) < options.max_new_tokens;
}

void decode(Network::State state, std::vector<Row> rows, Draw draw, const SampleOptions& options,
            const std::function<bool()>& canceled, const OnDrawn& on_drawn) {
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
      if (rows[r].in_prompt() || advance(rows[r], state.logits(r), options, draw, on_drawn))
        kept.push_back(r);
    }
    if (kept.size() == rows.size()) continue;
    // Finished rows leave.
    state.select(kept);
    for (size_t r = 0; r < kept.size(); r++) std::swap(rows[r], rows[kept[r]]);
    rows.erase(rows.begin() + kept.size(), rows.end());
  }
}

// Sends the helpers away however decoding ends.
struct Dismissal {
  SpinPool& team;
  ~Dismissal() { team.dismiss(); }
};

}  // namespace

double log_sum_exp(std::vector<float> logits) {
  constexpr size_t block = 64;  // of exp_weights
  const float largest = kernels().max(logits.data(), logits.size());
  std::vector<float> sums((logits.size() + block - 1) / block);
  kernels().exp_weights(logits.data(), logits.size(), largest, 1, sums.data());
  return largest + std::log(std::accumulate(sums.begin(), sums.end(), 0.0));
}

void penalize(const std::vector<int32_t>& prompt, const std::vector<int32_t>& ids, std::span<float> logits,
              const SampleOptions& options) {
  const auto penalty = static_cast<float>(options.repetition_penalty);
  if (penalty == 0) return;
  const auto take = [&](int32_t id) {
    if (!std::binary_search(options.repeatable.begin(), options.repeatable.end(), id)) logits[id] -= penalty;
  };
  std::for_each(prompt.begin() + std::min(options.preface, prompt.size()), prompt.end(), take);
  std::for_each(ids.begin(), ids.end(), take);
}

std::vector<Sample> sample(Trainer& trainer, const std::vector<std::vector<int32_t>>& prompts,
                           const SampleOptions& options, const std::function<bool()>& canceled,
                           const OnDrawn& on_drawn) {
  std::vector<Sample> samples(prompts.size());
  if (prompts.empty() || options.max_new_tokens == 0) return samples;
  const auto count = static_cast<int64_t>(prompts.size());
  const int64_t products = count * trainer.parameters().values.numel();
  Model model(trainer.config(), trainer.parameters(), at::Tensor(),
              cuda_layer(trainer.config(), trainer.parameters()));
  if (!model->device().is_cpu() && products > most_products_for_cpu && !needs_network(options) && !on_drawn) {
    return sample_by_tensors(*model, trainer.gpu().precision, prompts, options, canceled);
  }
  const auto rows_of = [&](const Range& range) {
    std::vector<Row> rows;
    for (int64_t i = range.begin; i < range.end; i++) {
      rows.push_back(
          {&prompts[i], static_cast<size_t>(i), options.preface, 0, Random(options.seed, i), &samples[i]});
      if (options.guide) rows.back().guided.emplace(*options.guide, i);
    }
    return rows;
  };
  const Draw draw(options.draw, trainer.config().vocab_size);
  const Network network(*model);
  ThreadPool& shards = trainer.pool();
  if (options.beam > 0) {
    shards.run([&](int shard) {
      const Range share = shards.share(shard, count);
      for (int64_t i = share.begin; i < share.end && !canceled(); i++) {
        samples[i] = beam_search(network, prompts[i], i, options, canceled);
      }
    });
    return samples;
  }
  if (count == 1) {
    const int helpers = std::min(shards.count() - 1, most_helpers);
    SpinPool team(helpers);
    shards.run([&](int shard) {
      if (shard > helpers) return;
      if (shard > 0) return team.help();
      const Dismissal when_done{team};
      decode(Network::State(network, 1, team), rows_of({0, 1}), draw, options, canceled, on_drawn);
    });
    return samples;
  }
  shards.run([&](int shard) {
    const Range share = shards.share(shard, count);
    if (share.size() == 0) return;
    SpinPool alone(0);
    decode(Network::State(network, share.size(), alone), rows_of(share), draw, options, canceled, on_drawn);
  });
  return samples;
}

}  // namespace tangshi
